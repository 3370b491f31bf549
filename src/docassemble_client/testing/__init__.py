"""
An in-memory docassemble, for tests and demonstrations without a server.

```python
from docassemble_client.testing import FakeServer, ScriptedScreen

fake = FakeServer()
fake.add_interview(
    "docassemble.demo:data/questions/letter.yml", ScriptedScreen("Your name?", ["name"])
)
async with fake.client() as da:
    ...
```
"""

from docassemble_client.testing._server.request_handler import ReceivedRequest
from docassemble_client.testing.clock import Clock, ManualClock, SystemClock
from docassemble_client.testing.endpoints import EndpointRequest
from docassemble_client.testing.interviews import ScriptedInterview, SessionVariables
from docassemble_client.testing.recorder import Recorder
from docassemble_client.testing.recordings import Recording
from docassemble_client.testing.screens import FakeDocument, Field, ScriptedScreen
from docassemble_client.testing.server import FakeServer, FakeUser

__all__ = [
    "Clock",
    "EndpointRequest",
    "FakeDocument",
    "FakeServer",
    "FakeUser",
    "Field",
    "ManualClock",
    "ReceivedRequest",
    "Recorder",
    "Recording",
    "ScriptedInterview",
    "ScriptedScreen",
    "SessionVariables",
    "SystemClock",
]
