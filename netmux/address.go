package netmux

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/multiselect/multiselect"
)

// networks are the names that functions of package net take as a network.
var networks = []string{
	"tcp", "tcp4", "tcp6", "udp", "udp4", "udp6", "ip", "ip4", "ip6", "unix", "unixgram", "unixpacket",
}

// checkNotAddress fails if name is a network or an address. Such a name is a valid
// protocol (R9), but a caller of [Server.ProtocolListener] who passes one has mistaken
// it for [net.Listen] and would wait for connections on a port that is not open.
func checkNotAddress(name string) error {
	kind := ""
	switch {
	case isNetwork(name):
		kind = "network"
	case isAddress(name):
		kind = "network address"
	default:
		return nil
	}
	return fmt.Errorf("netmux: %w: %q is a %s, and ProtocolListener opens no port: "+
		"use net.Listen with Server.Serve, or Server.ListenAndServe", multiselect.ErrInvalidName, name, kind)
}

// isNetwork reports whether name is a network, alone or as in "ip4:icmp".
func isNetwork(name string) bool {
	network, _, _ := strings.Cut(name, ":")
	return slices.Contains(networks, network)
}

// isAddress reports whether name is an IP address, or a host and a port. A name with a
// slash or a space is a protocol, whatever else it looks like: "http/1.1", "/ip4/::1".
func isAddress(name string) bool {
	if strings.ContainsAny(name, "/ ") {
		return false
	}
	if isIP(name) {
		return true
	}
	host, port, err := net.SplitHostPort(name)
	if err != nil {
		return false
	}
	if _, err := strconv.ParseUint(port, 10, 16); err == nil {
		return true
	}
	// The port is the name of a service, or empty. A protocol may look like that, too, so
	// that either half has to give the address away.
	return host == "" || host == "localhost" || isIP(host) || port == "http" || port == "https"
}

func isIP(host string) bool {
	_, err := netip.ParseAddr(host)
	return err == nil
}
