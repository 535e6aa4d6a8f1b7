"""Who the sample people are and what they say. Models and datasets are made by `workers/samples`."""

from dataclasses import dataclass

from hub.community.reviews.services import Said

ORGANIZATION = "orchard-lab"
ORGANIZATION_NAME = "Orchard Lab"
ORGANIZATION_BIO = "Two people who grow very small models. Sample content: one command removes it."
# No mail can reach a name below .invalid, so a sample account is known by its address, and nobody's address is taken.
MAIL_DOMAIN = "samples.grove.invalid"
BASE, CHAT, CHINESE, MOOD = "sprout-tiny", "sprout-tiny-chat", "xinmiao-tiny", "mood-tiny"
HANDBOOK, MESSAGES, OPINIONS = "grove-handbook", "grove-messages-zh", "short-opinions"
EARLY, FIRST = "v0.1", "v0.2"


@dataclass(frozen=True)
class Person:
    """An account. The first two run the organization."""

    name: str
    display_name: str
    bio: str


PEOPLE = [
    Person("mira-holt", "Mira Holt", "Trains models that fit into a coffee break."),
    Person("lin-jun", "林俊", "小模型，大耐心。"),
    Person("tomas-berg", "Tomas Berg", "Runs a hub for a university lab."),
    Person("amara-diallo", "Amara Diallo", "Evaluation, mostly of things that claim too much."),
    Person("chen-wei", "陈薇", "中文语料与评测。"),
    Person("noor-haddad", "Noor Haddad", "Builds products on other people's models, and says thank you."),
    Person("pavel-novak", "Pavel Novák", ""),
    Person("lucia-ferri", "Lucía Ferri", "Teacher. My students upload things."),
]
MIRA, JUN, TOMAS, AMARA, WEI, NOOR, PAVEL, LUCIA = (person.name for person in PEOPLE)


@dataclass(frozen=True)
class Thread:
    """A discussion: its title, and what was said, by whom, in order. The first opens it.

    answer: which of what was said answers it, where it is a question; thanked_by: who votes for that answer.
    """

    kind: str
    repo: str
    title: str
    said: tuple[tuple[str, str], ...]
    closed_by: str = ""
    is_question: bool = False
    answer: int = 0
    thanked_by: tuple[str, ...] = ()


@dataclass(frozen=True)
class Rated:
    """A review: by whom, of which release, and what they filled in. reply: the lab's answer."""

    by: str
    release: str
    said: Said
    reply: str = ""
    helpful_to: tuple[str, ...] = ()


@dataclass(frozen=True)
class Proposal:
    """A pull request that adds one file."""

    repo: str
    by: str
    title: str
    text: str
    path: str
    content: str


@dataclass(frozen=True)
class Picked:
    """A collection: its items with a note on each."""

    by: str
    title: str
    description: str
    items: tuple[tuple[str, str, str], ...]  # kind, repository, note


THREADS = [
    Thread(
        "model",
        BASE,
        "Which context length was it trained with?",
        (
            (TOMAS, "The configuration allows 512 tokens, but the card says rows of 96. Which one should I trust?"),
            (
                MIRA,
                "Both, for different things. It *runs* up to 512, and it has only ever *seen* 96 in a row, so expect it to "
                "drift after that.\n\nThe perplexity at a context of 96 and at 512 shows it: evaluate it twice and compare.",
            ),
            (TOMAS, "Thanks, that settles it. Might be worth a line in the card."),
        ),
        closed_by=TOMAS,
        is_question=True,
        answer=1,
        thanked_by=(TOMAS, NOOR, LUCIA),
    ),
    Thread(
        "model",
        BASE,
        "It repeats itself under greedy search",
        (
            (
                NOOR,
                "With greedy search I often get the same words again and again:\n\n"
                "```\nA repository is a repository is a\n```\n\n"
                "With sampling at temperature 0.8 it is much better. Is that expected for a model of this size?",
            ),
            (
                JUN,
                "It is. Small models put most of their weight on very few continuations, and greedy search follows the "
                "loop it falls into. Try top-p 0.9 as well.",
            ),
        ),
        is_question=True,
    ),
    Thread(
        "model",
        CHINESE,
        "词表里有多少个汉字？",
        (
            (WEI, "词表只有 1500 个，常用字能覆盖多少？遇到没见过的字会怎样？"),
            (
                JUN,
                "分词器是字节级的，所以任何字都写得出来：没见过的字拆成三个字节。\n\n"
                "代价是没见过的字更长，困惑度也更高。比较时请看每字节比特数，不要直接比词元困惑度。",
            ),
            (WEI, "明白了，谢谢！"),
        ),
        is_question=True,
        answer=1,
        thanked_by=(WEI,),
    ),
    Thread(
        "dataset",
        HANDBOOK,
        "Are the test passages really unseen?",
        (
            (
                AMARA,
                "Docstrings repeat phrases a lot. Every tenth passage is held out, but is there near-duplication "
                "between the splits?",
            ),
            (
                MIRA,
                "Some, yes: `Raises Invalid.` ends a hundred docstrings. Exact duplicates are removed before the split. "
                "Read the numbers as *how well does it know this handbook*, not as language ability.",
            ),
        ),
    ),
]

# model -> reviews
REVIEWS: dict[str, list[Rated]] = {
    BASE: [
        Rated(
            TOMAS,
            FIRST,
            {
                "stars": 4,
                "documentation": 5,
                "ease": 5,
                "quality": 2,
                "speed": 5,
                "use_case": "Teaching what a language model is",
                "hardware": "Laptop, 8 GB, no GPU",
                "text": "Loads in a second and shows students what a language model is. The card says what it cannot do.",
            },
            helpful_to=(LUCIA, NOOR, AMARA),
        ),
        Rated(
            AMARA,
            FIRST,
            {
                "stars": 3,
                "documentation": 4,
                "quality": 2,
                "safety": 3,
                "text": "Honest about being tiny. The loss in the card is on training text; the evaluation here is not.",
            },
            helpful_to=(TOMAS,),
        ),
        Rated(
            NOOR,
            FIRST,
            {
                "stars": 4,
                "ease": 5,
                "speed": 5,
                "use_case": "Testing a pipeline from end to end",
                "text": "Good for testing a pipeline end to end without waiting. Loops under greedy search.",
            },
        ),
        Rated(
            PAVEL,
            EARLY,
            {
                "stars": 2,
                "quality": 1,
                "text": "The early checkpoint writes word salad. The next release is clearly better.",
            },
            reply="It does, and we keep it so that the two can be compared. Thank you for trying both.",
        ),
        Rated(
            LUCIA, FIRST, {"stars": 5, "ease": 5, "text": "My class fine-tuned it in one lesson. That is all I wanted."}
        ),
        Rated(WEI, FIRST, {"stars": 4, "documentation": 5, "text": "结构标准，文档清楚，拿来做教学示例正合适。"}),
    ],
    CHAT: [
        Rated(NOOR, "", {"stars": 3, "text": "Knows the shape of a conversation, and nothing else. As the card says."}),
        Rated(
            LUCIA,
            "",
            {"stars": 4, "text": "The students laughed at the answers and then understood why they are wrong."},
        ),
    ],
    MOOD: [
        Rated(
            AMARA,
            "",
            {
                "stars": 4,
                "quality": 4,
                "text": "Does what it says on sentences like its own. I tried real reviews: about two of three right.",
            },
        )
    ],
}

PROPOSALS = [
    Proposal(
        BASE,
        NOOR,
        "Say how to keep it from repeating itself",
        "Came up in the discussion about greedy search. A file of its own, so that the card stays short.",
        "SAMPLING.md",
        "# Sampling\n\nGreedy search repeats itself. What works:\n\n```python\n"
        "model.generate(**inputs, do_sample=True, temperature=0.8, top_p=0.9)\n```\n",
    )
]

COLLECTIONS = [
    Picked(
        LUCIA,
        "For one lesson",
        "Small enough for the computers that a school has.",
        (
            ("model", BASE, "Start here: what is a language model?"),
            ("model", MOOD, "Then: what does a classifier learn?"),
            ("dataset", OPINIONS, "The sentences that it learned from, to read aloud."),
        ),
    ),
    Picked(WEI, "中文小模型", "能在笔记本上跑的。", (("model", CHINESE, "从这里开始"), ("dataset", MESSAGES, ""))),
]

# who -> the models that they like
LIKES = {
    TOMAS: (BASE, CHAT),
    AMARA: (BASE, MOOD),
    WEI: (BASE, CHINESE),
    NOOR: (BASE, CHAT, MOOD),
    LUCIA: (BASE, MOOD),
    PAVEL: (BASE,),
}

# (who, model, revision, dataset)
EVALUATIONS = [
    (AMARA, BASE, EARLY, HANDBOOK),
    (AMARA, BASE, "main", HANDBOOK),
    (JUN, CHAT, "main", HANDBOOK),
    (WEI, CHINESE, "main", MESSAGES),
]
