"""Tables of the version store: repositories, git objects and refs, large blobs, Xet."""

from hub.repos.models.blobs import Blob, BlobClaim, RepoBlob
from hub.repos.models.git import GitCommit, GitObject, GitPath, GitRef, GitStore, RefUpdate
from hub.repos.models.release import Release
from hub.repos.models.repository import Kind, Repository, RepositoryAlias, Visibility
from hub.repos.models.xet import DedupChunk, XetFile, XetFileXorb, Xorb, XorbIndex

__all__ = [
    "Blob",
    "BlobClaim",
    "DedupChunk",
    "GitCommit",
    "GitObject",
    "GitPath",
    "GitRef",
    "GitStore",
    "Kind",
    "RefUpdate",
    "Release",
    "RepoBlob",
    "Repository",
    "RepositoryAlias",
    "Visibility",
    "XetFile",
    "XetFileXorb",
    "Xorb",
    "XorbIndex",
]
