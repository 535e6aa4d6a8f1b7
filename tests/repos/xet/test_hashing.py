"""The hashes agree with the specification's vectors and with the real client."""

import hf_xet
import pytest

from hub.repos.xet import hashing

from .building import BLOCK, block, file_of, noise

LEFT = "c28f58387a60d4aa200c311cda7c7f77f686614864f5869eadebf765d0a14a69"
RIGHT = "6e4e3263e073ce2c0e78cc770c361e2778db3b054b98ab65e277fc084fa70f22"


def client_hash(path, data: bytes) -> str:
    path.write_bytes(data)
    return hf_xet.hash_files([str(path)])[0].hash


def test_hex_reverses_each_group_of_eight_bytes():
    raw = bytes(range(32))
    text = "07060504030201000f0e0d0c0b0a090817161514131211101f1e1d1c1b1a1918"
    assert hashing.to_hex(raw) == text
    assert hashing.from_hex(text) == raw
    assert hashing.many_to_hex(raw * 3) == [text] * 3


@pytest.mark.parametrize("text", ["", "00", "g" * 64, "A" * 64, "0" * 63 + "\n", "0" * 65])
def test_only_64_lower_case_digits_are_a_hash(text):
    with pytest.raises(ValueError, match="64"):
        hashing.from_hex(text)


def test_vectors_of_the_specification():
    assert (
        hashing.to_hex(hashing.chunk_hash(b"Hello World!"))
        == "d8d408e608fb9ca213b9909a65d86d725f2de4d8d540324be8a363e7a6e228cb"
    )
    both = hashing.from_hex(LEFT) + hashing.from_hex(RIGHT)
    assert (
        hashing.to_hex(hashing.merkle_root(both, [100, 200]))
        == "be64c7003ccd3cf4357364750e04c9592b3c36705dee76a71590c011766b6c14"
    )
    assert (
        hashing.to_hex(hashing.range_hash(both)) == "eb06a8ad81d588ac05d1d9a079232d9c1e7d0b07232fa58091caa7bf333a2768"
    )


def test_roots_of_nothing_and_of_one():
    assert hashing.merkle_root(b"", []) == bytes(32)
    assert hashing.merkle_root(hashing.from_hex(LEFT), [100]) == hashing.from_hex(LEFT)


@pytest.mark.parametrize("count", [1, 2, 3, 4, 9, 10, 11, 19, 27, 28, 83, 100])
def test_file_hash_is_the_clients(tmp_path, count):
    pieces = [block(i * 7 % 256) for i in range(count)] + [noise(count, 5000)]
    assert file_of(pieces) == client_hash(tmp_path / "file", b"".join(pieces))


@pytest.mark.parametrize("length", [1, 3, 64, 8191])
def test_hash_of_a_small_file_is_the_clients(tmp_path, length):
    data = noise(length, length)
    assert file_of([data]) == client_hash(tmp_path / "file", data)


def test_a_tree_fed_in_any_portions_has_the_same_root():
    pieces = [noise(i, 100) for i in range(1000)]
    hashes = b"".join(map(hashing.chunk_hash, pieces))
    whole = hashing.merkle_root(hashes, [100] * 1000)
    for step in (1, 7, 250, 999):
        tree = hashing.MerkleTree()
        for start in range(0, 1000, step):
            part = hashes[32 * start : 32 * (start + step)]
            tree.extend(part, [100] * (len(part) // 32))
        assert tree.root() == whole


def test_modulo_reads_the_last_word():
    assert hashing.hash_modulo(bytes(24) + (1025).to_bytes(8, "little"), 1024) == 1


def test_a_key_changes_a_chunk_hash():
    raw = hashing.chunk_hash(b"x")
    keyed = {hashing.keyed_chunk_hash(bytes([k]) * 32, raw) for k in range(3)}
    assert len(keyed) == 3
    assert raw not in keyed
    assert BLOCK == 131072
