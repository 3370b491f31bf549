"""The jobs people really do, one call each; made of nothing but the public client."""

from docassemble_client.jobs.interview import Interview, InterviewSession
from docassemble_client.jobs.values import Answer, DADict, DAList, DAObject

__all__ = ["Answer", "DADict", "DAList", "DAObject", "Interview", "InterviewSession"]
