"""Interviews with every type of question and field, and lists of these types."""

from __future__ import annotations

from docassemble_client import models
from tests.live.interviews import BASE, DEMO

EXAMPLES = [
    *(
        f"{BASE}{name}.yml"
        for name in (
            *("action-buttons-before", "address-autocomplete", "ajax-refresh", "all-false"),
            *("audio", "audio-upload", "auto-terms", "buttons", "buttons-icons"),
            *("buttons-css-class-color", "buttons-code-list-label-value-datatype"),
            *("choices-combobox", "choices-dropdown", "combobox", "command", "copy-deep"),
            *("country-state", "date-field", "datetime-field", "decoration", "disabled-field"),
            *("document-md", "fields", "fields-ajax", "fields-checkboxes-aota"),
            *("fields-choices-combobox", "fields-choices-datalist", "fields-hidden"),
            *("fields-choices-dropdown-input-type", "fields-mc", "fields-mc-nota"),
            *("fields-multiselect", "fields-noyesmaybe", "fields-raw", "fields-yesno"),
            *("fields-yesno-check-others", "fields-yesnoradio", "fields-yesnowide", "generators"),
            *("grid3", "help", "interview-help", "item-grid-breakpoint", "join"),
            *("leave", "list-collect", "mandatory", "menu-item", "ml-datatype", "ml-export-yaml"),
            *("money-field-euro", "nested-objects-list", "noyes", "object"),
            *("object-checkboxes-dalist", "object-disable-others", "object-multiselect-dalist"),
            *("object-radio", "object-radio-address", "password-field", "progress", "range-log"),
            *("question-back-button", "question-terms", "radio-list", "raw-html", "reload"),
            *("response-hello", "response-svg", "review-1", "right", "sections"),
            *("session-interview-redirect", "shuffle", "signature-blue", "text-field"),
            *("time-field", "upload", "upload-multiple", "upload-max-image-size-type"),
            *("upload_images", "video", "yesno", "yesnomaybe"),
        )
    ),
    *(f"{DEMO}{name}.yml" for name in ("questionless", "testssn")),
]

COMMANDS = (
    *("exit", "leave", "logout", "exit_logout", "restart", "new_session", "refresh", "signin"),
    *("register", "continue", "interview_exit", "wait"),
)
# Options that no example shows on its first two screens.
OPTIONS = """
metadata:
  title: Options
  exit url: https://example.com/
---
sections:
  - start: The start
---
initial: True
code: |
  track_location = True
  menu_items = [{"url": "?action=more", "label": "More"}]
  nav.set_section("start")
---
event: more
question: More
---
mandatory: True
id: first question
question: First
css class: wide
table css class: narrow
segment:
  id: Shown
  arguments:
    color: red
ga id: shown
question metadata:
  kind: [1, two]
help:
  label: Help me
  content: Helpful
  audio: https://example.com/sound.mp3
  video: https://example.com/video.mp4
action buttons:
  - label: More
    action: more
    new window: True
    css class: large
fields:
  - Text: text_there
    input type: area
    rows: 3
    minlength: 2
    help: Some help
    under text: Some more
    css class: tall
    floating label: True
    inline: True
    inline width: 10em
    field metadata:
      kind: [1, two]
  - File: file_there
    datatype: file
    accept: |
      "image/png"
    file css class: small
    private: True
    allow users:
      - ada@example.com
    allow privileges:
      - developer
  - None: checked
    datatype: yesno
    uncheck others: True
continue button field: seen
---
mandatory: True
question: Thanks
"""
OWN_INTERVIEWS = {
    **{f"command {name}": f"mandatory: True\ncode: command('{name}')\n" for name in COMMANDS},
    "json": "mandatory: True\ncode: json_response([1, None])\n",
    "noyesmaybe": """
question: Sure?
noyesmaybe: sure
---
mandatory: True
question: It is ${ sure }
""",
    "files from devices": """
mandatory: True
question: What is there?
fields:
  - You: you
    datatype: user
  - Around: around
    datatype: environment
  - Moving: moving
    datatype: camcorder
  - Number: number
    datatype: float
  - Place: place
    datatype: url
  - Yes or no: perhaps
    datatype: yesnomaybe
---
mandatory: True
question: Thanks
""",
    "message": """
mandatory: True
code: |
  log("Look", "info")
  unknown
""",
    "raw document": """
mandatory: True
question: Documents
attachments:
  - name: Template
    filename: template
    description: A description
    raw: True
    content file: docassemble.demo:data/templates/base_template.md
""",
    "groups of choices": """
metadata:
  show login: False
---
mandatory: True
question: Which?
field: which
dropdown:
  - One: 1
    group: Small
  - Two: 2
    group: Small
---
mandatory: True
question: Thanks
""",
    "learning": """
mandatory: True
question: What is learned?
fields:
  - Learned: learned
    using: some_group
    datatype: ml
---
mandatory: True
question: Thanks
""",
    "options": OPTIONS,
}

# Question types that need no answer.
TYPES_WITHOUT_ANSWER = {"deadend", "redirect", "review", *COMMANDS}

# Every type that the server sends with a question.
QUESTION_TYPES = {
    *("fields", "multiple_choice", "yesno", "noyes", "yesnomaybe", "noyesmaybe", "settrue"),
    *("signature", "review", "deadend", "redirect", "undefined_variable"),
    *COMMANDS,
    *("JSONReply", "BinaryContent"),  # responses instead of a question
}
DATATYPES = {
    *("text", "number", "integer", "currency", "float", "range", "boolean", "threestate"),
    *("date", "time", "datetime", "email", "password", "url", "raw", "checkboxes"),
    *("multiselect", "object", "object_radio", "object_checkboxes", "object_multiselect"),
    *("file", "files", "camera", "user", "environment", "camcorder", "microphone", "ml"),
    *("note", "html", "raw html", "button", "ssn"),
}
INPUT_TYPES = {
    *("area", "radio", "dropdown", "combobox", "datalist", "ajax", "hidden", "yesno", "yesnowide"),
    *("yesnoradio", "noyes", "noyeswide", "noyesradio", "yesnomaybe", "noyesmaybe"),
}
QUESTION_VARIETIES = {"buttons", "radio", "dropdown", "combobox"}
SCREEN_MODELS = (
    *(models.Question, models.QuestionField, models.Choice, models.ScriptCondition),
    *(models.Attachment, models.ActionButton, models.Help, models.HelpText, models.Media),
    *(models.Decoration, models.ListCollect, models.SignaturePhrases, models.Menu),
    *(models.MenuItem, models.LogMessage, models.UndefinedVariable),
)
# Attributes that no interview here shows, and why.
NEVER_SENT = {
    "Decoration.name": "The server sends it only if an icon font is configured.",
    "Question.back_button_label": "The server reads it, but never sets it (base/parse.py:749).",
    "Question.help_label": "The server reads it, but never sets it (base/parse.py:739).",
    "QuestionField.embedded": "Only HTML has fields in the text; the API requests Markdown.",
}
