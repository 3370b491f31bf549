"""
A docassemble in memory, for tests and demonstrations without a server.

```python
from docassemble_client.testing import FakeServer, Field, Screen

fake = FakeServer()
fake.add_interview("docassemble.demo:data/questions/letter.yml", Screen("Your name?", ["name"]))
async with fake.client() as da:
    ...
```
"""

from docassemble_client.testing._server.request_handler import Received
from docassemble_client.testing.clock import Clock, ManualClock, SystemClock
from docassemble_client.testing.interviews import Answers, Document, Field, Interview, Screen
from docassemble_client.testing.recorder import Recorder
from docassemble_client.testing.recordings import Recording
from docassemble_client.testing.server import FakeServer, User

__all__ = [
    "Answers",
    "Clock",
    "Document",
    "FakeServer",
    "Field",
    "Interview",
    "ManualClock",
    "Received",
    "Recorder",
    "Recording",
    "Screen",
    "SystemClock",
    "User",
]
