package multiselect

import "github.com/multiselect/multiselect/wire"

// Role is one of the two ends of a negotiation.
type Role = wire.Role

// The two roles.
const (
	Initiator = wire.Initiator // proposes protocols: [Client]
	Responder = wire.Responder // answers: [Muxer]
)
