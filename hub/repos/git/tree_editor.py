"""Changing paths in a tree: only the folders on the way to a change are read and written again."""

from django.conf import settings
from django.utils.translation import gettext as _

from hub.core.errors import TooLarge
from hub.repos.errors import EntryNotFound, PathInvalid
from hub.repos.git.objects import EMPTY_TREE, TREE_MODE, Entry, ObjectWriter, format_tree, parse_tree, read_object
from hub.repos.models.git import ObjectType


class _Folder:
    """A folder that has been opened: its entries, and those of its sub-folders that have been opened too."""

    def __init__(self, entries: dict[str, Entry]) -> None:
        self.entries = entries
        self.opened: dict[str, _Folder] = {}


class TreeEditor:
    """Starts from a tree, takes changes path by path, writes the new trees. `changed` tells what became of each path."""

    def __init__(self, store_id: int, root: str) -> None:
        self._store_id = store_id
        self._opened = 0
        self._root = self._open(root)
        # path -> the entry now there, or None where it went. Folders do not appear, their files do; nor does what came back
        # as it was.
        self.changed: dict[str, Entry | None] = {}
        self._was: dict[str, Entry | None] = {}

    def get(self, path: str) -> Entry | None:
        """Return what is at `path` now, None for nothing."""
        folder, name = self._walk(path, create=False)
        return folder.entries.get(name) if folder else None

    def put(self, path: str, entry: Entry) -> None:
        """Put a file at `path`. Raises PathInvalid where a folder is there, or a file is where a folder would have to be."""
        folder, name = self._walk(path, create=True)
        assert folder is not None
        present = folder.entries.get(name)
        if present is not None and present.is_tree:
            raise PathInvalid(
                _("“%(path)s” is a folder here; a file cannot take its name.") % {"path": path}, field="path"
            )
        if present != entry:
            folder.entries[name] = entry
            self._note(path, present, entry)

    def remove(self, path: str) -> None:
        """Take a file or a whole folder away. Raises EntryNotFound."""
        folder, name = self._walk(path, create=False)
        entry = folder.entries.get(name) if folder else None
        if folder is None or entry is None:
            raise EntryNotFound(
                _("A file with this name doesn't exist: there is no “%(path)s” to delete.") % {"path": path},
                field="path",
            )
        if entry.is_tree:
            for inner, file in self._files(self._enter(folder, name)):
                self._note(f"{path}/{inner}", file, None)
        else:
            self._note(path, entry, None)
        del folder.entries[name]
        folder.opened.pop(name, None)
        self._close_empty(path)

    def write(self, writer: ObjectWriter) -> str:
        """Write every changed tree; return the oid of the new root."""
        return self._write(self._root, writer)

    def _open(self, oid: str) -> _Folder:
        self._opened += 1
        if self._opened > settings.MAX_COMMIT_FOLDERS:
            # Each is an object to read and write: a short request with long paths could ask for millions.
            raise TooLarge(
                _("A commit reaches into at most %(max)d folders. Split it into several commits.")
                % {"max": settings.MAX_COMMIT_FOLDERS}
            )
        return _Folder({} if oid == EMPTY_TREE else parse_tree(read_object(self._store_id, oid, ObjectType.TREE)))

    def _enter(self, folder: _Folder, name: str) -> _Folder:
        if name not in folder.opened:
            folder.opened[name] = self._open(folder.entries[name].oid)
        return folder.opened[name]

    def _walk(self, path: str, *, create: bool) -> tuple[_Folder | None, str]:
        *parents, name = path.split("/")
        folder = self._root
        for depth, segment in enumerate(parents):
            entry = folder.entries.get(segment)
            if entry is None:
                if not create:
                    return None, name
                folder.entries[segment] = Entry(TREE_MODE, EMPTY_TREE)
            elif not entry.is_tree:
                if not create:
                    return None, name
                there = "/".join(parents[: depth + 1])
                raise PathInvalid(
                    _("“%(there)s” is a file here, so “%(path)s” cannot lie in it.") % {"there": there, "path": path},
                    field="path",
                )
            folder = self._enter(folder, segment)
        return folder, name

    def _note(self, path: str, present: Entry | None, now: Entry | None) -> None:
        """Note that the file at `path` is `now` where it was `present` until now."""
        if self._was.setdefault(path, present) == now:
            self.changed.pop(path, None)
        else:
            self.changed[path] = now

    def _close_empty(self, path: str) -> None:
        """Take away the folders on the way to `path` that hold nothing any more: git has none, so their names are free."""
        *parents, _name = path.split("/")
        way = [self._root]
        for segment in parents:
            way.append(way[-1].opened[segment])
        while parents and not way.pop().entries:
            segment = parents.pop()
            del way[-1].entries[segment]
            del way[-1].opened[segment]

    def _files(self, folder: _Folder, prefix: str = "") -> list[tuple[str, Entry]]:
        found = []
        for name, entry in folder.entries.items():
            if entry.is_tree:
                found += self._files(self._enter(folder, name), f"{prefix}{name}/")
            else:
                found.append((prefix + name, entry))
        return found

    def _write(self, folder: _Folder, writer: ObjectWriter) -> str:
        for name, inner in folder.opened.items():
            oid = self._write(inner, writer)
            if oid == EMPTY_TREE:
                # Git has no empty folders.
                del folder.entries[name]
            else:
                folder.entries[name] = Entry(TREE_MODE, oid)
        return writer.add(ObjectType.TREE, format_tree(folder.entries))
