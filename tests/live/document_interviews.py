"""Interviews that end and offer documents in the ways of published interviews."""

from __future__ import annotations

NAME = """
question: Name
fields:
  - Name: name
---
"""
# Markdown needs no program on the server that converts documents.
LETTER = """
attachment:
  variable name: letter
  name: Letter
  filename: letter
  valid formats: [md]
  content: Dear ${ name }
---
"""
OFFERED_LETTER = """
attachment:
  name: Letter
  filename: letter
  valid formats: [md]
  content: Dear ${ name }
"""
FORM = """
attachment:
  variable name: form
  name: Form
  filename: form
  pdf template file: docassemble.base:data/templates/sample-form.pdf
  fields:
    - Your Name: ${ name }
---
"""
END_WITH_BUTTONS = f"""
{NAME}
mandatory: True
question: Your letter
buttons:
  - Start again: restart
  - Leave: exit
{OFFERED_LETTER}
"""
END_WITH_A_BUTTON_THAT_CONTINUES = f"""
{NAME}
mandatory: True
question: Your letter
buttons:
  - Start again: restart
  - Go on:
      code: |
        went_on = True
{OFFERED_LETTER}
---
mandatory: True
question: The end
"""
GOODBYE_WITH_BUTTONS = f"""
{NAME}
mandatory: True
question: Your letter
continue button field: letter_seen
{OFFERED_LETTER}
---
mandatory: True
question: Goodbye, ${{ name }}
buttons:
  - Start again: restart
  - Log out: logout
"""
# The client cannot read this form of the buttons, as on a server that is not in debug mode.
GOODBYE_WITH_UNREADABLE_BUTTONS = f"""
{NAME}
mandatory: True
question: Goodbye, ${{ name }}
buttons: [{{"Start again": restart}}]
"""
THANK_YOU = f"""
{NAME}
mandatory: True
question: Your letter
continue button field: letter_seen
{OFFERED_LETTER}
---
mandatory: True
question: Thank you
"""
TWO_VERSIONS = f"""
{NAME}{LETTER}{FORM}
mandatory: True
question: Draft
continue button field: draft_seen
attachment code: |
  [letter, form]
---
mandatory: True
code: |
  del letter
  changed = True
---
mandatory: True
question: Final
continue button field: final_seen
attachment code: letter
---
mandatory: True
question: Thank you
"""
ONE_NAME = f"""
{NAME}
mandatory: True
question: Two letters
attachments:
  - name: Letter
    filename: letter
    valid formats: [md]
    content: Dear ${{ name }}
  - name: Letter
    filename: letter
    valid formats: [md]
    content: Goodbye ${{ name }}
"""
MENU = """
mandatory: True
code: |
  menu
---
event: menu
question: What next?
subquestion: |
  [Write a letter](${ url_action('pick', doc='letter') })
action buttons:
  - label: Write a form
    action: pick
    arguments:
      doc: form
---
event: pick
code: |
  kind = action_argument('doc')
  force_ask('name', 'letter_done')
---
question: To whom?
fields:
  - Name: name
---
event: letter_done
question: The ${ kind } to ${ name }
"""
ONLY_IN_VARIABLES = f"""
{NAME}{LETTER}{FORM}
mandatory: True
code: |
  letter
  form
---
mandatory: True
question: We have sent the documents to you.
"""
FILE_RESPONSE = f"""
{NAME}{LETTER}
mandatory: True
question: Your letter
continue button field: letter_seen
attachment code: letter
---
mandatory: True
code: |
  response(file=letter.md)
"""
# The server calls as_dict() to convert an object to JSON (base/functions.py:4852).
PEOPLE_WITHOUT_JSON = """
objects:
  - people: DAList.using(object_type=Individual, auto_gather=False, gathered=True)
---
mandatory: True
code: |
  people.appendObject().name.first = 'Ada'
  people[0].as_dict = len
---
"""
BROKEN_VARIABLES = f"""{PEOPLE_WITHOUT_JSON}
question: Helper
fields:
  - Helper: helper
    datatype: object
    choices: people
---
mandatory: True
question: Thanks, ${{ helper }}
"""
UNREADABLE_END = f"""{PEOPLE_WITHOUT_JSON}
mandatory: True
question: The end
"""
UNREADABLE_END_WITH_LETTER = f"""{UNREADABLE_END}
attachment:
  name: Letter
  filename: letter
  valid formats: [md]
  content: Dear Ada
"""
MESSAGE = f"""
{NAME}
mandatory: True
code: |
  if name == "Ada":
    message("Sorry", "You cannot use this form.")
"""
WITHOUT_END = f"""
{NAME}
mandatory: True
code: |
  name
"""
RAISES = f"""
{NAME}
mandatory: True
code: |
  int(name)
---
mandatory: True
question: The end
"""


def make_linked_letter(link: str) -> str:
    """Make an interview whose last screen links to the letter like this."""
    return f"{NAME}{LETTER}\nmandatory: True\nquestion: Your letter\nsubquestion: |\n  {link}\n"
