"""A demo organization: a test of ten varied questions, an open task, twenty-five tickets; made once, then reused."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from models import (
    Actor,
    ApiKey,
    Member,
    Option,
    Permission,
    Question,
    QuestionKind,
    Section,
    Task,
    Ticket,
    TicketStatus,
    clock,
)
from services import accounts, api_keys, tasks, tests, tickets
from services.candidates import NewCandidate
from services.site import Site
from services.tasks import NewStep, NewTask

EMAIL = "demo@example.org"
PASSWORD = "let-me-try-admit"  # noqa: S105  printed for whoever runs the demo on their own machine
KEY = "GraphiQL (demo)"
PEOPLE = (
    "Ada Lovelace",
    "Alan Turing",
    "Grace Hopper",
    "Katherine Johnson",
    "Edsger Dijkstra",
    "Barbara Liskov",
    "Donald Knuth",
    "Frances Allen",
    "Tony Hoare",
    "Radia Perlman",
    "John Backus",
    "Karen Spärck Jones",
    "Niklaus Wirth",
    "Adele Goldberg",
    "Ken Thompson",
    "Shafi Goldwasser",
    "Dennis Ritchie",
    "Sophie Wilson",
    "Leslie Lamport",
    "Mary Shaw",
    "Robin Milner",
    "Annie Easley",
    "Peter Naur",
    "Jean Sammet",
    "Ole-Johan Dahl",
)
WELCOME = """\
This is a **demo**. It has ten questions and lasts twenty minutes.

* Every answer is saved as soon as you give it.
* You may leave and come back; the clock goes on.
* When you are done, press *Submit*.
"""


async def make(site: Site) -> str:
    """Make the demo unless it is there; returns what to print: the addresses to open and how to sign in."""
    owner = await Member.by_email(EMAIL)
    if owner is None:
        made = await accounts.sign_up(site, "Demo University", "Dana Demo", EMAIL, PASSWORD)
        owner = made.member
        await _furnish(site, owner.actor)
    task = await Task.visible_to(owner.actor).order_by("id").first()
    waiting = Ticket.visible_to(owner.actor).filter(status=TicketStatus.ISSUED).order_by("id")
    ticket = await waiting.first() or await Ticket.visible_to(owner.actor).order_by("id").first()
    if task is None or ticket is None:
        raise RuntimeError("the demo organization has lost its task: delete the database to make it anew")
    return _sheet(site, task, ticket, await _key(site, owner.actor))


async def _furnish(site: Site, actor: Actor) -> None:
    test = await tests.create(actor, "Ten small questions", _sections(), duration_seconds=20 * 60, pass_ratio=0.6)
    new = NewTask("Demo entrance test", [NewStep(test.id)], welcome_title="Welcome", welcome_body=WELCOME)
    task = await tasks.create(actor, new)
    await tasks.open_(actor, task.id)
    people = [NewCandidate(name, f"{name.split()[-1].lower()}@example.org") for name in PEOPLE]
    await tickets.issue(site, actor, tickets.Issue(task.id, group="Demo", labels=["demo"]), people)


async def _key(site: Site, actor: Actor) -> str:
    """A key for GraphiQL, good for a day; the last demo's ends."""
    for old in await ApiKey.visible_to(actor).filter(name=KEY, revoked_at=None):
        await api_keys.revoke(actor, old.id)
    return (await api_keys.create(site, actor, KEY, list(Permission), clock.now() + timedelta(days=1))).secret


def _sheet(site: Site, task: Task, ticket: Ticket, secret: str) -> str:
    base = site.urls.base_url
    return f"""
Admit is about to serve a demo. Open

  the dashboard    {base}/dashboard?task={task.gid}
                   sign in with {EMAIL} and the password {PASSWORD}
  an access link   {site.urls.access_link(task.slug, ticket.code)}
                   what a candidate receives; take the test and watch the dashboard
  the Task link    {site.urls.task_link(task.slug)}
                   asks for an invitation code: {ticket.invitation_code}
  GraphiQL         {base}/graphql#token={secret}&task={task.gid}&ticket={ticket.gid}
                   already authorised for a day, with an example of each operation

Stop it with Ctrl+C. Run it again and everything is still there.
"""


def _sections() -> list[Section]:
    def ask(kind: QuestionKind, prompt: str, **key: Any) -> Question:
        return Question("", kind, prompt, **key)

    def options(*texts: str, right: str) -> tuple[Option, ...]:
        return tuple(Option("", text, correct=text in right.split(", ")) for text in texts)

    single, multiple, numeric = QuestionKind.SINGLE_CHOICE, QuestionKind.MULTIPLE_CHOICE, QuestionKind.NUMERIC
    primes = options("2", "9", "11", "15", right="2, 11")
    fruits = options("Tomato", "Carrot", "Cucumber", "Potato", right="Tomato, Cucumber")
    planets = options("Venus", "Mars", "Jupiter", "Saturn", right="Jupiter")
    rivers = options("Danube", "Nile", "Rhine", "Thames", right="Nile")
    return [
        Section(
            "Warming up",
            (
                ask(single, "Which planet is the largest?", options=planets),
                ask(multiple, "Which of these numbers are prime?", options=primes, points=2.0),
                ask(
                    QuestionKind.TRUE_FALSE,
                    "Water boils at a lower temperature on a high mountain.",
                    correct_boolean=True,
                ),
                ask(numeric, "What is 7 × 8?", correct_number=56.0),
                ask(QuestionKind.SHORT_TEXT, "What is the capital of Portugal?", accepted_answers=("Lisbon", "Lisboa")),
            ),
        ),
        Section(
            "Thinking further",
            (
                ask(single, "Which river flows through Cairo?", options=rivers),
                ask(multiple, "Which of these are fruits to a botanist?", options=fruits, points=2.0),
                ask(QuestionKind.TRUE_FALSE, "Every rectangle is a square.", correct_boolean=False),
                ask(numeric, "π to two decimals?", correct_number=3.14, tolerance=0.005),
                ask(QuestionKind.ESSAY, "Explain to a friend why the sky is blue.", points=5.0),
            ),
        ),
    ]
