package multiselect_test

import (
	"testing"

	"github.com/multiselect/multiselect"
)

func TestRole(t *testing.T) {
	for _, tt := range []struct {
		role, peer multiselect.Role
		want       string
	}{
		{multiselect.Initiator, multiselect.Responder, "initiator"},
		{multiselect.Responder, multiselect.Initiator, "responder"},
	} {
		if got := tt.role.Peer(); got != tt.peer {
			t.Errorf("%s.Peer() = %s, want %s", tt.role, got, tt.peer)
		}
		if got := tt.role.String(); got != tt.want {
			t.Errorf("Role(%d).String() = %s, want %s", tt.role, got, tt.want)
		}
	}
	if got := multiselect.Role(0).String(); got != "none" {
		t.Errorf("the zero Role is %s, want none", got)
	}
}
