"""The version store: commits, trees and refs as rows in git's own formats, and git itself at the edges."""
