// Package config sets the limits, traces and metrics of the drop-in for go-multistream, whose own
// API has no settings.
//
// A program whose go.mod replaces go-multistream imports this package as
// github.com/multiformats/go-multistream/config, and other programs by its own path:
//
//	c := config.Default()
//	c.CloseWait = 0 // Close of a lazy stream never blocks
//	config.Set(c)
//
// The settings are those of the process; package dropin keeps them, whichever path the module
// has. Set should be called when the program begins: a MultistreamMuxer takes its limits when it
// negotiates for the first time, and a go-libp2p host negotiates as soon as it has a connection.
package config

import "github.com/multiselect/multiselect/dropin"

// Config is the settings of the drop-in; see [dropin.Config] for its fields.
type Config = dropin.Config

// Default returns the settings that apply unless [Set] is called.
func Default() Config { return dropin.Default() }

// Get returns the current settings.
func Get() Config { return *dropin.Current() }

// Set changes the settings of the process, for the negotiations that begin from now on and the
// streams that are closed from now on. It may be called at any time, also concurrently.
func Set(c Config) { dropin.Set(c) }
