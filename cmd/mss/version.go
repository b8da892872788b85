package main

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/multiselect/multiselect/wire"

	"github.com/multiselect/multiselect/cmd/mss/internal/exit"
	"github.com/multiselect/multiselect/cmd/mss/internal/terminal"
)

// build describes this binary.
type build struct {
	Version  string `json:"version"`
	Revision string `json:"revision,omitempty"`
	Modified bool   `json:"modified,omitempty"`
	Go       string `json:"go"`
	Platform string `json:"platform"`
	Header   string `json:"header"` // of multistream-select
}

func newVersion(s *terminal.Stdio) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:     "version",
		Short:   "print the version, the platform and the header",
		Example: "  mss version --json | jq -r .version",
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			b := thisBuild()
			if asJSON {
				return terminal.WriteJSON(s.Out, b)
			}
			_, err := fmt.Fprintf(s.Out, "mss %s\n%s %s\nspeaks %s\n", b.name(), b.Go, b.Platform, b.Header)
			return exit.AsLocal("standard output", err)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "write one document to standard output")
	return cmd
}

func thisBuild() build {
	b := build{
		Version:  "(unknown)",
		Go:       runtime.Version(),
		Platform: runtime.GOOS + "/" + runtime.GOARCH,
		Header:   wire.Header,
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return b
	}
	if info.Main.Version != "" {
		b.Version = info.Main.Version
	}
	for _, setting := range info.Settings {
		switch setting.Key {
		case "vcs.revision":
			b.Revision = setting.Value
		case "vcs.modified":
			b.Modified = setting.Value == "true"
		}
	}
	return b
}

// name returns the version with the commit it was built from, if it is not in
// the version itself.
func (b build) name() string {
	name := b.Version
	if len(b.Revision) >= 12 && b.Version == "(devel)" {
		name += " " + b.Revision[:12]
	}
	return name
}
