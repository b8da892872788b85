package report

// write writes the requirements, the script and the legal outcomes of a case.
func (c *caseView) write(w *htmlWriter) {
	for _, r := range c.Requirements {
		w.printf("<blockquote><p>%s</p><footer>%s, %s", r.Text, r.Key, r.Level.String())
		if r.Source != "" {
			w.print(", ")
			writePieces(w, splitLinks(r.Source))
		}
		w.print("</footer></blockquote>\n")
	}
	w.print("<div class=\"two\">\n<div>\n<h4>The tester does")
	if c.Mode != "" {
		w.printf(" (mode %s)", c.Mode)
	}
	w.print("</h4>\n")
	writeLines(w, c.Script)
	w.print("\n</div>\n<div>\n<h4>Legal outcomes</h4>\n<ol>\n")
	for _, legal := range c.Legal {
		w.print("<li>")
		if len(legal.Sent) > 0 {
			writeLines(w, legal.Sent)
		} else {
			w.print("Nothing is sent, ")
		}
		w.printf("%s: <span class=\"because\">%s</span></li>\n", legal.Conditions, legal.Reason)
	}
	w.print("</ol>\n</div>\n</div>\n")
}

func writeLines(w *htmlWriter, lines []string) {
	w.print("<pre>")
	for _, line := range lines {
		w.printf("%s\n", line)
	}
	w.print("</pre>")
}

func writePieces(w *htmlWriter, pieces []piece) {
	for _, p := range pieces {
		if p.Link { // it begins with http:// or https://
			w.printf(`<a href="%s">%[1]s</a>`, p.Text)
		} else {
			w.printf("%s", p.Text)
		}
	}
}

// write writes the facts of a play and its events.
func (p *playView) write(w *htmlWriter) {
	w.printf(`<div class="what" id="%s">
<dl class="facts">
<dt>Verdict</dt><dd><span class="tag v-%s">%s</span> in %s</dd>
`, p.Anchor, p.Class, p.Status, p.Duration)
	if p.Outcome > 0 {
		w.printf("<dt>Matches</dt><dd>legal outcome %d</dd>\n", p.Outcome)
	}
	if p.Reason != "" {
		w.printf("<dt>Reason</dt><dd>%s</dd>\n", p.Reason)
	}
	if len(p.Expected) > 0 {
		w.print("<dt>Expected to fail</dt><dd>")
		writePieces(w, p.Expected)
		w.print("</dd>\n")
	}
	for _, name := range p.Names {
		w.printf("<dt>${%s}</dt><dd><code>%s</code></dd>\n", name.Placeholder, name.Name)
	}
	w.print("</dl>\n")
	if len(p.Events) > 0 {
		w.print("<ol class=\"wire\" aria-label=\"What happened on the wire\">\n")
		for _, event := range p.Events {
			event.write(w)
		}
		w.print("</ol>\n")
	} else {
		w.print("<p class=\"title\">No bytes were sent or received.</p>\n")
	}
	if p.More != "" {
		w.printf("<p class=\"title\">%s</p>\n", p.More)
	}
	w.print("</div>\n")
}

func (e *eventView) write(w *htmlWriter) {
	class, separator := "party", ""
	if e.Tester {
		class = "tester"
	}
	if e.What != "" && e.Note != "" {
		separator = ": "
	}
	w.printf(`<li class="%s"><p><span class="dir"><b>%s</b> %s</span> <span>%s%s%s</span> <span class="at">%s</span></p>`,
		class, e.Arrow, e.Who, e.What, separator, e.Note, e.At)
	if len(e.Lines) > 0 {
		w.print("\n")
		writeLines(w, e.Lines)
		w.printf("\n<p class=\"hex\">%s</p>", e.Hex)
	}
	w.print("</li>\n")
}
