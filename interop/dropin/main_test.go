package dropin

import (
	"os"
	"testing"
	"time"

	"github.com/multiselect/multiselect/dropin"
)

// The tapes have no clock: a machine that stops for the grace would change what is written. The
// grace is tested in gomultistream.
func TestMain(m *testing.M) {
	c := dropin.Default()
	c.HeaderGrace = time.Hour
	dropin.Set(c)
	os.Exit(m.Run())
}
