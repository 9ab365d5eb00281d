"""The type of licences of the recorded cases."""

from services.licences.domain.types import Audience, Field, FieldType, HolderKind, LicenceType, Sharing
from tests.edge import a_uscc


def contract_permit() -> LicenceType:
    """What an operator defined before the first case."""
    fields = tuple(
        Field(name, name, FieldType.TEXT, required=True, audience=Audience.EVERYONE) for name in ("shop", "number")
    )
    return LicenceType(
        type_code=f"{a_uscc(8)}001",
        kind="contract-permit",
        name="许可证",
        holder_kind=HolderKind.ANY,
        fields=fields,
        template="{{ data.shop }}：{{ data.number }}",
        valid_months=12,
        sharing=Sharing.CONSENT,
    )
