"""What offices do among themselves, as the contract has it."""

from duokua.cases.v1 import case_pb2
from duokua.data import fill_struct
from services.cases.domain.case import Review
from services.cases.timestamps import stamp


def review_message(review: Review) -> case_pb2.Review:
    """The opinion of an office that passed a step upward."""
    message = case_pb2.Review(
        organ_id=review.organ_id, organ_name=review.organ_name, reason=review.reason, at=stamp(review.at)
    )
    fill_struct(message.opinion, dict(review.opinion), "opinion")
    return message
