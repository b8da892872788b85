package main

import (
	"fmt"
	"strings"
)

// peer is an implementation that can be put at either end of a stream.
type peer struct {
	name    string
	library string   // and its version
	tools   []string // without which it cannot be built
	build   func(*workshop) (command []string, err error)
	// lacks says what it does not offer, and why: scenarios that its initiator
	// answers with exit code 127.
	lacks map[string]string
	// onlySlash says that its responder serves no name that does not begin with one.
	onlySlash bool
	lists     string // how its responder answers ls; "" for na
}

const (
	noLists = "does not ask for lists"
	noLazy  = "has no lazy streams"
)

// peers are the rows and columns of the matrix.
var peers = []peer{
	{
		name: "ours", library: "this repository, the library",
		tools: []string{"go"}, build: inGo("ours"), lists: "nested",
	},
	{
		name: "mss", library: "this repository, the tool",
		tools: []string{"go"}, build: buildMSS, lists: "nested",
	},
	{
		name: "go-multistream", library: "go-multistream 0.6.1",
		tools: []string{"go"}, build: inGo("gomultistream"),
		lacks: map[string]string{"ls": noLists},
	},
	{
		name: "go-libp2p", library: "go-libp2p 0.51.0, its host",
		tools: []string{"go"}, build: inGo("golibp2p"),
		lacks: map[string]string{"ls": noLists},
	},
	{
		name: "rust", library: "multistream-select 0.14.0 (crates.io)",
		tools: []string{"cargo"}, build: buildRust, lists: "nested", onlySlash: true,
		lacks: map[string]string{"ls": noLists},
	},
	{
		name: "js", library: "@libp2p/multistream-select 7.0.28 (npm)",
		tools: []string{"node", "npm"}, build: buildJS, lists: "nested",
		lacks: map[string]string{"ls": noLists, "lazy": noLazy, "lazy-refused": noLazy},
	},
	{
		name: "python", library: "libp2p 0.8.1, protocol_muxer (PyPI)",
		tools: []string{"python3"}, build: buildPython, lists: "joined",
		lacks: map[string]string{"lazy": noLazy, "lazy-refused": noLazy},
	},
}

// skip is a peer that is not there, and why.
type skip struct{ peer, why string }

func (s skip) String() string { return fmt.Sprintf("%s: %s", s.peer, s.why) }

// find returns the peers that are called so; all if nothing is.
func find(names string) (found []peer, err error) {
	if names == "" {
		return peers, nil
	}
next:
	for name := range strings.SplitSeq(names, ",") {
		for _, p := range peers {
			if p.name == name {
				found = append(found, p)
				continue next
			}
		}
		return nil, fmt.Errorf("no peer %q", name)
	}
	return found, nil
}
