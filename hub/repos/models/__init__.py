"""Tables of the version store: repositories, git objects and refs, large blobs, Xet."""

from hub.repos.models.blobs import Blob, BlobClaim, LargeFileLock, LargeUpload, RepoBlob
from hub.repos.models.bucket import BucketFile, BucketTotals
from hub.repos.models.git import CommitReceipt, GitCommit, GitObject, GitPath, GitRef, GitStore, RefUpdate
from hub.repos.models.keeping import Kept, RepositoryUsage, StorageClock, StorageRun
from hub.repos.models.release import Release
from hub.repos.models.repository import (
    VERSIONED,
    AccessRequest,
    BranchRule,
    Gate,
    Kind,
    Repository,
    RepositoryAlias,
    Visibility,
)
from hub.repos.models.use import Use
from hub.repos.models.xet import DedupChunk, XetFile, XetFileXorb, Xorb, XorbGrant, XorbIndex

__all__ = [
    "VERSIONED",
    "AccessRequest",
    "Blob",
    "BlobClaim",
    "BranchRule",
    "BucketFile",
    "BucketTotals",
    "CommitReceipt",
    "DedupChunk",
    "Gate",
    "GitCommit",
    "GitObject",
    "GitPath",
    "GitRef",
    "GitStore",
    "Kept",
    "Kind",
    "LargeFileLock",
    "LargeUpload",
    "RefUpdate",
    "Release",
    "RepoBlob",
    "Repository",
    "RepositoryAlias",
    "RepositoryUsage",
    "StorageClock",
    "StorageRun",
    "Use",
    "Visibility",
    "XetFile",
    "XetFileXorb",
    "Xorb",
    "XorbGrant",
    "XorbIndex",
]
