// Package repo has no code. Its tests are about the files of a checkout of this repository:
// ends of lines, workflows, go.mod and lock files. They need git.
package repo
