"""What has to be there before the first call: a signing key, and an operator who can register everybody else."""

from cryptography.exceptions import InvalidTag

from chassis.database import Database
from chassis.settings import Settings
from chassis.vault import KEY_SECRET
from services.identity.service import Identity
from services.identity.token_service import Tokens

OPERATOR_KEY = "operator.pub.jwk"
OPERATOR_NAME = "Platform operator"


def prepare(settings: Settings, database: Database) -> None:
    """Make the first signing key, and register the operator whose public JWK is the secret `operator.pub.jwk`.

    Every api process calls it at its start; it does nothing the second time. Raises Invalid BAD_KEY when the file does
    not hold a public P-256 key.
    """
    identity, tokens = Identity.from_settings(settings), Tokens.from_settings(settings)
    with database.begin() as work:
        try:
            tokens.ensure_key(work)
        except InvalidTag:
            message = (
                f"the vault's key {settings.secrets_folder / KEY_SECRET} is not the one that this database was "
                "encrypted with; use the secrets that belong to it"
            )
            raise SystemExit(message) from None
        if settings.has_secret(OPERATOR_KEY):
            identity.ensure_operator(work, settings.secret(OPERATOR_KEY).decode(errors="replace"), OPERATOR_NAME)
