// Package flood attacks servers in the ways that their limits are for, and compares how long
// honest clients take idle and attacked. It is for tests. The attackers run in a process of their
// own, see [Start], which can be pinned to another CPU.
package flood
