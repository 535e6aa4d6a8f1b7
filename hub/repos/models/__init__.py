"""Tables of the version store: repositories, git objects and refs, large blobs, Xet."""

from hub.repos.models.blobs import Blob, BlobClaim, LargeFileLock, LargeUpload, RepoBlob
from hub.repos.models.git import CommitReceipt, GitCommit, GitObject, GitPath, GitRef, GitStore, RefUpdate
from hub.repos.models.release import Release
from hub.repos.models.repository import (
    AccessRequest,
    BranchRule,
    Gate,
    Kind,
    Repository,
    RepositoryAlias,
    Visibility,
)
from hub.repos.models.xet import DedupChunk, XetFile, XetFileXorb, Xorb, XorbIndex

__all__ = [
    "AccessRequest",
    "Blob",
    "BlobClaim",
    "BranchRule",
    "CommitReceipt",
    "DedupChunk",
    "Gate",
    "GitCommit",
    "GitObject",
    "GitPath",
    "GitRef",
    "GitStore",
    "Kind",
    "LargeFileLock",
    "LargeUpload",
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
