"""Interviews in the smallest form of what published interviews do."""

from __future__ import annotations

EMPTY_FIELDS = """
question: Costs
fields:
  - Rent: rent
    datatype: currency
    required: False
  - Children: children
    datatype: integer
    required: False
  - Since: since
    datatype: date
    required: False
  - At: at
    datatype: time
    required: False
  - Heated: heated
    input type: yesnoradio
    datatype: boolean
    required: False
  - Not insured: insured
    datatype: noyes
    required: False
---
mandatory: True
question: |
  ${ repr((rent + children, since, at, heated, insured)) }
"""
TYPED_TEXT = """
question: Letter
fields:
  - Name: name
  - Amount: amount
    datatype: currency
  - Day: day
    datatype: date
  - Urgent: urgent
    datatype: boolean
  - Color: color
    input type: radio
    choices:
      - Red: r
      - Blue: b
---
mandatory: True
question: Letter
attachment:
  filename: letter
  valid formats: [md]
  content: |
    ${ name } owes ${ amount } since ${ format_date(day, format='yyyy-MM-dd') }
    ${ 'urgent' if urgent else 'not urgent' } ${ color }
"""
SAME_VARIABLE_TWICE = """
objects:
  - shops: DAList.using(object_type=Thing, auto_gather=False, gathered=True)
  - near: DAList.using(object_type=Thing, auto_gather=False, gathered=True)
---
mandatory: True
code: |
  shops.appendObject().name.text = 'Bakery'
  shops.appendObject().name.text = 'Florist'
---
question: Which shop?
fields:
  - Near you: shop
    datatype: object_radio
    choices: near
    none of the above: True
    disable others: True
  - Or any: shop
    datatype: object
    choices: shops
---
question: Gender
fields:
  - Gender: gender
    choices: [female, male, other]
  - In your words: gender
    show if:
      variable: gender
      is: other
---
mandatory: True
question: ${ shop } ${ gender }
"""
ACCEPTED_FILES = """
question: Upload
fields:
  - Form: form
    datatype: file
    accept: |
      "application/pdf"
  - Draft: draft
    datatype: file
    accept: |
      ".docx"
---
mandatory: True
question: ${ form[0].extension } ${ draft[0].extension } ${ draft[0].mimetype }
"""
CHOICE_KEYS = """
question: Choices
fields:
  - Numbers: numbers
    datatype: checkboxes
    choices:
      - Number 1: 1
      - Number 2: 2
  - Truths: truths
    datatype: checkboxes
    code: |
      [[True, 'Yes'], [False, 'No']]
  - Texts: texts
    datatype: checkboxes
    choices:
      - "It's": it's
      - 'Say "hi"': 'say "hi"'
      - Back: 'a\\b'
      - Bracket: 'a[0]'
      - Day: '2026-03-14'
  - List: several
    datatype: multiselect
    choices: [3, 4]
  - Single: single
    choices:
      - First: 1
      - Second: 2
---
mandatory: True
question: |
  ${ (numbers.true_values(), truths.true_values(), texts.true_values(), several.true_values(),
  single) }
"""
COUNTER = """
code: count = 0
---
question: Roll again?
yesno: roll_again
---
mandatory: True
code: |
  if roll_again:
    count += 1
    del roll_again
    roll_again
---
mandatory: True
question: Rolled ${ count }
"""
CONDITIONS = """
question: Animal
fields:
  - Which dog?: dog
    show if:
      variable: animal
      is: dog
  - Animal: animal
    choices: [dog, cat]
  - Vaccinated: vaccinated
    datatype: yesno
  - Why not?: reason
    show if:
      variable: vaccinated
      is: False
  - Fruit: fruit
    datatype: checkboxes
    choices: [apple, pear]
  - Which apple?: apple
    show if: fruit['apple']
  - What else?: other
    show if: fruit[nota]
---
mandatory: True
question: |
  ${ (animal, showifdef('dog'), showifdef('reason'), showifdef('apple'), showifdef('other')) }
"""
OBJECT_CHOICES = """
question: Court
fields:
  - Court: court
    code: |
      [{'label': 'North', 'value': {'id': 1}}, {'label': 'South', 'value': {'id': 2}}]
---
mandatory: True
question: ${ court['id'] + 1 }
"""
FIELDS_BY_CODE = """
objects:
  - kids: DAList.using(object_type=Individual, complete_attribute='nickname')
---
question: Any kids?
yesno: kids.there_are_any
---
question: Another kid?
yesno: kids.there_is_another
---
sets:
  - kids[i].nickname
question: Kid number ${ i + 1 }
fields:
  - code: |
      [{"label": "Nickname", "field": kids[i].attr_name("nickname")}]
  - Age: kids[i].age
    datatype: integer
---
code: |
  kids[i].name.first = kids[i].nickname
---
mandatory: True
question: |
  ${ ", ".join(k.name.first + " " + str(k.age) for k in kids) }
"""
LIST_COLLECT = """
objects:
  - kids: DAList.using(object_type=Individual, complete_attribute='complete', there_are_any=True)
---
question: Kids
list collect: True
fields:
  - First: kids[i].name.first
  - Age: kids[i].age
    datatype: integer
    required: False
---
code: |
  kids[i].name.first
  kids[i].complete = True
---
mandatory: True
question: ${ kids.number() } ${ kids }
"""
OBJECT_FIELDS = """
objects:
  - people: DAList.using(object_type=Individual, auto_gather=False, gathered=True)
---
mandatory: True
code: |
  for n in ('Ada', 'Grace', 'Edsger'):
    people.appendObject().name.first = n
---
question: Who
fields:
  - Boss: boss
    datatype: object
    choices: people
  - Team: team
    datatype: object_checkboxes
    choices: people
  - Deputy: deputy
    datatype: object
    choices: people
    required: False
---
mandatory: True
question: ${ boss } ${ team } ${ deputy } ${ boss is people[1] } ${ team.there_are_any }
"""
CUSTOM_DATATYPE = """
modules:
  - docassemble.demo.ssn
---
question: Number
fields:
  - Number: number
    datatype: ssn
---
mandatory: True
question: Number ${ number }
"""
UNKNOWN_DATATYPE = """
question: Color
fields:
  - Color: color
    datatype: dropdownlist
    choices:
      - Dark red: red
      - Bright: true
---
mandatory: True
question: ${ repr(color) }
"""
UNDEFINED = """
question: Name
fields:
  - Name: name
---
mandatory: True
question: ${ name } of ${ town }
"""
CODE_AND_VARIABLE = """
question: What happened?
fields:
  - Reason: reason
    choices: [praise, fault]
  - Details: details
    show if:
      variable: reason
      is: fault
  - May we call you?: may_call
    datatype: yesno
    show if:
      code: |
        1 > 2
      variable: reason
      is: fault
---
mandatory: True
question: Thanks for the ${ reason }
"""
VALIDATION_CODE = """
question: Color
sets:
  - shade
fields:
  - Color: color
validation code: |
  shade = color + "ish"
---
mandatory: True
code: |
  shade
---
mandatory: True
question: ${ color } is ${ shade }
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
---
event: pick
code: |
  kind = action_argument('doc')
  force_ask('who', 'letter_done')
---
question: To whom?
fields:
  - Who: who
---
event: letter_done
question: Letter to ${ who }
"""
