package multistream

import (
	"context"

	"github.com/multiselect/multiselect/dropin"
)

// begin returns the current settings, and the context of a negotiation that begins now.
func begin() (c *dropin.Config, ctx context.Context) {
	c, ctx = dropin.Current(), context.Background()
	if c.Context != nil {
		ctx = context.WithoutCancel(c.Context(ctx))
	}
	return c, ctx
}
