// Package load measures how long negotiations with a peer take, and presents the result as
// text, as a JSON document and as an HTML page with plots.
//
// It imports packages attempt, transport, terminal and exit.
package load
