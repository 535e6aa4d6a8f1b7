"""The unmodified git of somebody who has a token."""

from tests.clients.conftest import Client

HELPER = "!f() { echo username=anybody; echo password=$HF_TOKEN; }; f"


class Git:
    """Somebody's git: a home folder of its own, and a credential helper that knows the token."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.home = client.home
        (self.home / ".gitconfig").write_text(
            f'[user]\n name = {client.name}\n email = {client.name}@example.org\n[credential]\n helper = "{HELPER}"\n'
            "[init]\n defaultBranch = main\n[advice]\n detachedHead = false\n"
            '[filter "lfs"]\n clean = git-lfs clean -- %f\n smudge = git-lfs smudge -- %f\n'
            " process = git-lfs filter-process\n required = true\n[lfs]\n locksverify = false\n"
        )

    def __call__(self, *args: str, at: str = "", **settings: str) -> str:
        place = ["-C", at] if at else []
        return self.client.run("git", *place, *args, GIT_TERMINAL_PROMPT="0", GIT_CONFIG_NOSYSTEM="1", **settings)

    def fails(self, *args: str, at: str = "", **settings: str) -> str:
        place = ["-C", at] if at else []
        return self.client.fails("git", *place, *args, GIT_TERMINAL_PROMPT="0", GIT_CONFIG_NOSYSTEM="1", **settings)

    def make_repo(self, name: str, kind: str = "model", **settings: object) -> str:
        """Make a repository; return its address for git."""
        self.client.python(f"""
            from huggingface_hub import HfApi
            HfApi().create_repo("{self.client.name}/{name}", repo_type="{kind}", **{settings!r})
        """)
        prefix = "" if kind == "model" else f"{kind}s/"
        return f"{self.client.hub.url}/{prefix}{self.client.name}/{name}"

    def commit(self, at: str, message: str = "Change", **files: str | bytes) -> str:
        """Commit files whose names have `__` for a dot and `_in_` for a slash; return the commit's id."""
        for name, content in files.items():
            path = self.home / at / name.replace("_in_", "/").replace("__", ".")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
        self("add", "-A", at=at)
        self("commit", "-q", "-m", message, at=at)
        return self("rev-parse", "HEAD", at=at).strip()
