// Package exit defines the exit codes of mss, the errors that carry one, and which code
// every other error of a verb has. It imports no other package of mss.
package exit
