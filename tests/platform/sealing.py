"""Seals for tests that need one in use and are about something else."""

from chassis.database import UnitOfWork
from services.eseal.domain.seal import Seal
from services.eseal.seals.application import Application
from services.eseal.seals.register import Actor, Register


def ensure_seal(register: Register, work: UnitOfWork, organ_id: str) -> Seal:
    """The organ's own seal: the one that is in use, or one that one applies for and another approves."""
    operator = Actor("client:operator")
    for seal in register.list_seals(work, operator, "", 1, organ_id=organ_id):
        return seal
    seal = register.apply(work, Actor("client:office", organ_id), Application(organ_id, "启用电子印章"))
    return register.approve(work, operator, seal.seal_id, "同意", hold=False)
