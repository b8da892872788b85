package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// helpWidth is the number of columns that every help page fits.
const helpWidth = 80

const addressesHelp = `ADDR, the value of --to and --listen, has one of these forms. It also decides
what carries a negotiation:

  host:port           a TCP connection; tcp://host:port means the same
  unix:PATH           a connection to a unix socket
  tls://host:port     a TCP connection inside TLS
  quic://host:port    a stream of a QUIC connection
  yamux://host:port   a stream of yamux on a TCP connection

  /ip4/HOST/tcp/PORT
                      a stream of a libp2p peer on TCP: security (noise or TLS)
                      and the stream multiplexer (yamux) are negotiated first
  /ip4/HOST/udp/PORT/quic-v1
                      a stream of a libp2p peer on QUIC

The last two are multiaddrs. They may begin with /ip6, /dns, /dns4 or /dns6, and
end with /p2p/ID: then the peer must prove that it has this ID. On tls:// and
quic:// the certificate is checked against the authorities of the system, or as
--ca, --pin or --insecure say.

To listen, port 0 means any free port; the first line of standard output has the
port that was bound. tls:// and quic:// use the certificate of --cert and --key,
or one made for the run. On a multiaddr the identity is that of --key, or one
made for the run; /p2p/ID must be that of --key. Only serve has these flags.

Without --to, dial, ls, probe, bench and conform responder talk to a responder
inside mss.`

const exitCodesHelp = `Scripts can rely on the exit codes; they never change their meaning:

    0  ok
    1  a finding: a protocol that probe asked for is refused, a case of conform
       has failed, or a negotiation of bench
    2  usage: the command line, including names that cannot be proposed
    3  no connection
    4  a time limit has expired, connecting or negotiating
    5  the peer broke the protocol
    6  the peer or the network closed or reset the connection
    7  nothing in common: the peer refused every protocol
    8  local input or output: files, standard input and output, listening
    9  an internal error: a bug of mss
  130  interrupted by SIGINT or SIGTERM

"mss conform task" also has 127 for a task that it does not support.`

// setHelp gives root and its verbs help pages of helpWidth columns, and adds the topics.
// All verbs must have been added.
func setHelp(root *cobra.Command) {
	root.AddCommand(
		&cobra.Command{Use: "addresses", Short: "the forms of ADDR", Long: addressesHelp},
		&cobra.Command{Use: "exit-codes", Short: "what an exit code means", Long: exitCodesHelp},
	)
	root.SetUsageFunc(printUsage)
	// The flags exist before the command line is read, so that "mss -h dial" is about dial.
	// -v is the verbose flag of the verbs, and therefore no flag of the root.
	root.InitDefaultHelpFlag()
	version := root.Flags().Bool("version", false, "print the version")
	// cobra prints versions by a template, and package text/template keeps the exported
	// methods of all types in the binary. It prints help where no verb is given.
	help := root.HelpFunc()
	root.SetHelpFunc(func(c *cobra.Command, args []string) {
		if asked, _ := c.Flags().GetBool("help"); *version && !asked && !c.HasParent() {
			fmt.Fprintln(c.OutOrStdout(), "mss", thisBuild().name())
			return
		}
		help(c, args)
	})
	for _, c := range root.Commands() {
		if c.Name() == "completion" {
			c.Short = "write the completion script of a shell"
			for _, shell := range c.Commands() {
				shell.Long = fold(shell.Long)
			}
		}
	}
}

// fold breaks the lines of cobra's texts that are longer than helpWidth.
func fold(text string) string {
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		if len(line) > helpWidth {
			if at := strings.LastIndexByte(line[:helpWidth], ' '); at > 0 {
				lines[i] = line[:at] + "\n" + line[at+1:]
			}
		}
	}
	return strings.Join(lines, "\n")
}

// flagGroups are the flags that help pages list apart from those of a verb.
var flagGroups = []struct {
	title string
	names []string
}{
	{"Certificates, on tls:// and quic://", []string{"ca", "pin", "insecure", "cert", "key", "alpn"}},
	{"Limits; 0 is no limit", []string{
		"max-half-open", "max-half-open-per-host", "max-active", "max-active-per-host", "evict-active",
		"first-byte-timeout", "max-links", "max-links-per-host", "link-idle-timeout", "max-commands", "log-limit",
	}},
	{"General", []string{"color", "help", "version"}},
}

// printUsage writes the part of a help page that follows the text.
func printUsage(c *cobra.Command) error {
	var page strings.Builder
	page.WriteString("Usage:\n")
	if c.HasAvailableSubCommands() {
		fmt.Fprintf(&page, "  %s VERB [flags]\n", c.CommandPath())
	} else if c.Runnable() {
		fmt.Fprintf(&page, "  %s\n", c.UseLine())
	}
	if c.HasExample() {
		fmt.Fprintf(&page, "\nExamples:\n%s\n", c.Example)
	}
	printCommands(&page, "Verbs", c, (*cobra.Command).IsAvailableCommand)
	printFlags(&page, c)
	printCommands(&page, "Topics, see mss help TOPIC", c, (*cobra.Command).IsAdditionalHelpTopicCommand)
	if !c.HasParent() {
		page.WriteString(rootCodes)
	}
	_, err := fmt.Fprint(c.OutOrStderr(), page.String())
	return err
}

// printCommands writes a line for each command below c that is one of the kind.
func printCommands(page *strings.Builder, title string, c *cobra.Command, kind func(*cobra.Command) bool) {
	for _, sub := range c.Commands() {
		if !kind(sub) {
			continue
		}
		if title != "" {
			fmt.Fprintf(page, "\n%s:\n", title)
			title = ""
		}
		fmt.Fprintf(page, "  %-*s  %s\n", sub.NamePadding(), sub.Name(), sub.Short)
	}
}

// printFlags writes the flags of c, group by group.
func printFlags(page *strings.Builder, c *cobra.Command) {
	titles := []string{"Flags"}
	group := make(map[string]int)
	for i, g := range flagGroups {
		titles = append(titles, g.title)
		for _, name := range g.names {
			group[name] = i + 1
		}
	}
	sets := make([]pflag.FlagSet, len(titles))
	add := func(f *pflag.Flag) { sets[group[f.Name]].AddFlag(f) }
	c.LocalFlags().VisitAll(add)
	c.InheritedFlags().VisitAll(add)
	for i, title := range titles {
		if sets[i].HasAvailableFlags() {
			fmt.Fprintf(page, "\n%s:\n%s", title, sets[i].FlagUsagesWrapped(helpWidth))
		}
	}
}
