"""The type of licences of the recorded cases, and a licence of no case."""

from services.licences.domain.types import Audience, Field, FieldType, HolderKind, LicenceType, Sharing
from services.licences.service import Order
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


def by_hand(organ_id: str, person_id: str) -> Order:
    """A licence that an office issues without a case."""
    return Order(organ_id, person_id, {"shop": "某某餐饮有限公司", "number": "1"})
