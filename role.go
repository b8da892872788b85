package multiselect

import "fmt"

// Role is one of the two ends of a negotiation. The zero value is neither of them: a
// transcript uses it for comments.
type Role uint8

const (
	// Initiator proposes protocols; see [Client].
	Initiator Role = iota + 1
	// Responder answers proposals; see [Muxer].
	Responder
)

// Peer returns the other role: [Responder] for [Initiator] and the reverse.
func (r Role) Peer() Role { return Initiator + Responder - r }

// String returns "initiator" or "responder", and "none" for the zero value.
func (r Role) String() string { return enum("Role", uint8(r), "none", "initiator", "responder") }

// MarshalText returns the text of String, for JSON and logs.
func (r Role) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// enum returns the name of a value of an enumeration, or the type and the number.
func enum(typ string, value uint8, names ...string) string {
	if int(value) < len(names) {
		return names[value]
	}
	return fmt.Sprintf("%s(%d)", typ, value)
}
