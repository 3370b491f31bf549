"""Links to files are found in every spelling that a browser follows."""

from __future__ import annotations

import pytest

from docassemble_client import Screen
from docassemble_client.workflows.interviews.file_links import FileLink, find_file_links
from tests.workflows.screens import decode_question, make_screen


def find_links(text: str) -> list[tuple[int | None, str, str]]:
    """Return number, file name and host of every link in a text."""
    question = decode_question(make_screen(kind="deadend", subquestionText=text))
    return [(link.number, link.filename, link.host) for link in find_file_links(question)]


@pytest.mark.parametrize(
    ("text", "link"),
    [
        ("[Get](/uploadedfile/5/letter.docx)", (5, "letter.docx", "")),
        ('[Get](/uploadedfiledownload/5/letter.docx "Title")', (5, "letter.docx", "")),
        ("[Get](/uploadedfile/5.docx)", (5, "5.docx", "")),
        ("[Get](/uploadedfile/5)", (5, "", "")),
        ("[Get](/uploadedfile/5?filename=my%20letter.docx)", (5, "my letter.docx", "")),
        ("[Get](uploadedfile/5/a.md)", (5, "a.md", "")),
        ("[Get](/da/uploadedfile/5/a.md)", (5, "a.md", "")),
        ("[Get](/uploadedfile/5/%C3%84%20%281%29.md)", (5, "\u00c4 (1).md", "")),
        ("[Get](https://DA.example.com/uploadedfile/5/a.md)", (5, "a.md", "da.example.com")),
        ("<https://da.example.com:8080/uploadedfile/5/a.md>", (5, "a.md", "da.example.com:8080")),
        ("Open https://da.example.com/uploadedfile/5/a.md.", (5, "a.md", "da.example.com")),
        ("[Get][1]\n\n[1]: /uploadedfile/5/a.md", (5, "a.md", "")),
        ('<a class="btn" href="/uploadedfile/5/a.md">Get</a>', (5, "a.md", "")),
        ("<a href='/uploadedfile/5/a.md?x=1&amp;filename=b.md'>Get</a>", (5, "b.md", "")),
        ("<a href=/uploadedfile/5/a.md>Get</a>", (5, "a.md", "")),
        ("<button onclick=\"open('/uploadedfile/5/a.md')\">Get</button>", (5, "a.md", "")),
        ("[![Page](/uploadedpagescreen/5/1)](/uploadedfile/5/a.pdf)", (5, "a.pdf", "")),
        ("[Get](/storedfile/abcdefgh/5/a.md)", (5, "a.md", "")),
        ("[Get](/tempfile/abcdefgh/a.md)", (None, "a.md", "")),
        ("[FILE 5]", (5, "", "")),
        ("[FILE 5, 50%]", (5, "", "")),
        ("[FILE 5, None, Letter (PDF)]", (5, "", "")),
    ],
)
def test_link_to_a_file_is_found(text: str, link: tuple[int | None, str, str]) -> None:
    """Markdown, HTML and markup; relative and absolute; with and without a file name."""
    assert find_links(text) == [link]


@pytest.mark.parametrize(
    "text",
    [
        "![Photo](/uploadedfile/5/photo.png)",
        '<img src="/uploadedfile/5/photo.png">',
        '<audio src="/uploadedfile/5/a.mp3"></audio>',
        "<!-- [Old](/uploadedfile/5/a.md) -->",
        "[Page](/uploadedpage/5/1)",
        "[Static](/packagestatic/docassemble.demo/a.pdf)",
        "[Other](/uploadedfile/name/a.md)",
        "[FILE docassemble.demo:data/static/a.pdf]",
        "[Broken](http://\u2100/uploadedfile/5/a.md)",
        "",
    ],
)
def test_other_links_and_images_are_not_files(text: str) -> None:
    """What the page shows, and files of packages, are not links to files of the session."""
    assert find_links(text) == []


def test_links_in_all_texts_are_found() -> None:
    """The texts of fields, choices, attachments, buttons and help count, too."""
    field = {"label": "[FILE 3]", "note": "[FILE 4]", "html": "[FILE 5]", "raw html": "[FILE 6]"}
    choices = {"choices": [{"label": "[FILE 7]"}]}
    attachment = {"number": {}, "filename_with_extension": {}, "url": {}, "description": "[FILE 8]"}
    button = {
        "action": "/uploadedfile/9/a.md", "label": "Get", "color": "primary",
        **dict.fromkeys(("icon", "placement", "css_class", "target")),
    }  # fmt: skip
    question = decode_question(
        make_screen(
            {**field, **choices},
            questionText="[FILE 1]",
            subquestionText="[FILE 2]",
            attachments=[attachment],
            additional_buttons=[button],
            underText="[FILE 10]",
            rightText="[FILE 11]",
            helpText=[{"content": "[FILE 12]"}],
            interviewHelpText=[{"content": "[FILE 13]"}],
        )
    )

    numbers = sorted(link.number or 0 for link in find_file_links(question))

    assert numbers == list(range(1, 14))


@pytest.mark.parametrize(
    "text", ["![", "<!--", "<img ", "<a ", "<a href=", "[x](a", "[FILE 1,", "storedfile/", "&"]
)
def test_hostile_text_is_searched_in_linear_time(text: str) -> None:
    """A long text that nearly matches takes well below a second."""
    question = decode_question(make_screen(subquestionText=text * (400_000 // len(text))))

    assert [link for link in find_file_links(question) if link != FileLink(number=1)] == []
    assert Screen(question).actions == ()
