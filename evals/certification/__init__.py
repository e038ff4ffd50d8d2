"""Certify a graph: kill its process at every write and effect, resume in a new one, and check that nothing is lost."""

from .certificate import CaseRecord, Certificate, Failure
from .certifying import CertifyError, certify
from .plan import Plan

__all__ = ["CaseRecord", "Certificate", "CertifyError", "Failure", "Plan", "certify"]
