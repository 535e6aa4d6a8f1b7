"""Collections by the library: what people put together from scripts."""

from tests.clients.conftest import Client


def test_a_collection_is_kept_through_the_library(ada: Client, bob: Client) -> None:
    ada.run("hf", "repos", "create", f"{ada.name}/collected")
    ada.run("hf", "repos", "create", f"{ada.name}/noted", "--type", "dataset")
    slug = ada.python(f"""
        import json
        from huggingface_hub import HfApi
        from huggingface_hub.errors import HfHubHTTPError
        api = HfApi()
        made = api.create_collection("Small models", description="That fit.", private=True)
        assert made.slug.startswith("{ada.name}/small-models-") and made.url == f"{ada.hub.url}/collections/{{made.slug}}"
        assert (made.title, made.description, made.private, made.theme, made.upvotes, made.items) == (
            "Small models", "That fit.", True, "green", 0, []
        )
        assert api.create_collection("Small models", exists_ok=True).slug == made.slug
        try:
            api.create_collection("Small models")
        except HfHubHTTPError as error:
            assert error.response.status_code == 409, error
        else:
            raise AssertionError("made twice")
        other = api.create_collection("Others")
        added = api.add_collection_item(made.slug, "{ada.name}/collected", "model", note="The first.")
        assert [(i.item_id, i.item_type, i.position, i.note) for i in added.items] == [
            ("{ada.name}/collected", "model", 0, "The first.")
        ]
        api.add_collection_item(made.slug, "{ada.name}/noted", "dataset")
        again = api.add_collection_item(made.slug, "{ada.name}/noted", "dataset", exists_ok=True)
        assert len(again.items) == 2
        full = api.add_collection_item(made.slug, other.slug, "collection")
        nested = full.items[2]
        assert (nested.item_id, nested.item_type, nested.note) == (other.slug, "collection", None)
        api.update_collection_item(made.slug, nested.item_object_id, note="Nested.", position=0)
        moved = api.get_collection(made.slug)
        assert [(i.item_type, i.position, i.note) for i in moved.items] == [
            ("collection", 0, "Nested."), ("model", 1, "The first."), ("dataset", 2, None)
        ]
        api.delete_collection_item(made.slug, nested.item_object_id)
        api.delete_collection_item(made.slug, nested.item_object_id, missing_ok=True)
        changed = api.update_collection_metadata(made.slug, title="Tiny models", theme="pink", private=False, position=1)
        assert changed.slug.startswith("{ada.name}/tiny-models-") and changed.slug[-24:] == made.slug[-24:]
        assert (changed.theme, changed.private, changed.position) == ("pink", False, 1)
        print(json.dumps(changed.slug))
    """)
    bob.python(f"""
        from huggingface_hub import HfApi
        from huggingface_hub.errors import HfHubHTTPError
        api = HfApi()
        found = {{c.slug: c for c in api.list_collections(owner="{ada.name}", limit=1)}}
        assert len(found) == 1
        held = list(api.list_collections(item="models/{ada.name}/collected", sort="upvotes"))
        assert [c.slug for c in held] == ["{slug}"], held
        assert [i.item_id for i in held[0].items] == ["{ada.name}/collected", "{ada.name}/noted"]
        assert len(list(api.list_collections(owner=["{ada.name}", "{bob.name}"]))) == 2
        for forbidden in (
            lambda: api.delete_collection("{slug}"),
            lambda: api.update_collection_metadata("{slug}", title="Mine"),
            lambda: api.create_collection("Mine", namespace="{ada.name}"),
        ):
            try:
                forbidden()
            except HfHubHTTPError as error:
                assert error.response.status_code == 403, error
            else:
                raise AssertionError("Bob may not do this")
    """)
    ada.python(f"""
        from huggingface_hub import HfApi
        api = HfApi()
        api.delete_collection("{slug}")
        api.delete_collection("{slug}", missing_ok=True)
    """)


def test_a_picture_goes_into_a_discussion(ada: Client) -> None:
    repo = f"{ada.name}/pictured"
    ada.run("hf", "repos", "create", repo)
    ada.python(f"""
        import struct, zlib
        from pathlib import Path
        from huggingface_hub import HfApi
        from huggingface_hub.errors import HfHubHTTPError
        from huggingface_hub.utils import get_session
        def chunk(kind, data):
            return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        rows = b"".join(b"\\0" + b"\\x20\\x60\\x40" * 4 for _ in range(4))
        Path("shot.png").write_bytes(
            b"\\x89PNG\\r\\n\\x1a\\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 4, 4, 8, 2, 0, 0, 0))
            + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
        )
        api = HfApi()
        url = api.upload_attachment("shot.png")
        assert url.startswith("{ada.hub.url}/uploads/"), url
        kept = get_session().get(url)
        assert (kept.status_code, kept.headers["content-type"]) == (200, "image/png")
        made = api.create_discussion("{repo}", title="Look", description=f"![screenshot]({{url}})")
        assert url in made.events[0].rendered
        Path("film.mp4").write_bytes(b"film")
        try:
            api.upload_attachment("film.mp4")
        except HfHubHTTPError as error:
            assert error.response.status_code == 415 and "no video" in str(error), error
        else:
            raise AssertionError("a film was taken")
    """)
