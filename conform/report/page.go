package report

import (
	_ "embed"
	"io"
)

var (
	//go:embed page.css
	pageCSS string
	//go:embed legend.html
	legend markup
)

// write writes the page from its top to its end.
func (v pageView) write(to io.Writer) error {
	w := newHTMLWriter(to)
	v.writeHead(w)
	v.writeSummary(w)
	for _, role := range v.Roles {
		role.writeVerdicts(w)
		role.writeCases(w)
	}
	w.print("\n")
	w.print(legend)
	w.print("</main>\n</body>\n</html>\n")
	return w.Flush()
}

func (v pageView) writeHead(w *htmlWriter) {
	w.printf(`<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<link rel="icon" href="data:,">
<title>%s</title>
<style>%s</style>
</head>
<body>
<a class="skip" href="#main">Skip to the results</a>
<header>
<h1>%[1]s</h1>
<p>multistream-select 1.0`, v.Title, markup(pageCSS))
	if v.When != "" {
		w.printf(`, played on %s`, v.When)
	}
	w.print(`.</p>
</header>
<nav aria-label="Contents">
<ul>
<li><a href="#summary">Summary</a></li>
`)
	for _, role := range v.Roles {
		w.printf(`<li><a href="#%s">%[1]s: verdicts</a></li>
<li><a href="#%[1]s-cases">%[1]s: cases</a></li>
`, role.Role)
	}
	w.print(`<li><a href="#legend">Legend</a></li>
</ul>
</nav>
<main id="main" tabindex="-1">
`)
}

func (v pageView) writeSummary(w *htmlWriter) {
	w.print(`<section aria-labelledby="summary">
<h2 id="summary">Summary</h2>
`)
	for _, total := range v.Totals {
		if total.Level == "" {
			class := "bad"
			if total.OK {
				class = "good"
			}
			w.printf("<p class=\"sum %s\"><strong>%s</strong> as %s: %s</p>\n", class, total.Party, total.Role, total.Summary)
		}
	}
	w.print(`<div class="scroll" role="region" aria-label="Counts of verdicts" tabindex="0">
<table class="counts">
<thead>
<tr><td></td>`)
	if !v.Single {
		w.print(`<td></td>`)
	}
	for _, group := range v.Groups {
		w.printf(`<th scope="colgroup" colspan="%d">%s</th>`, len(group.Statuses), group.Name)
	}
	w.print("<td></td><td></td></tr>\n<tr>")
	if v.Single {
		w.print(`<th scope="col">Level</th>`)
	} else {
		w.print(`<th scope="col">Party</th><th scope="col">Role</th>`)
	}
	for _, group := range v.Groups {
		for _, status := range group.Statuses {
			w.printf(`<th scope="col" class="num">%s</th>`, status)
		}
	}
	w.print(`<th scope="col" class="num">all</th><th scope="col" class="num">time</th></tr>
</thead>
<tbody>
`)
	for _, total := range v.Totals {
		v.writeTotal(w, total)
	}
	w.printf(`</tbody>
</table>
</div>
<p class="filter"><input type="checkbox" id="deviations"> <label for="deviations">Show only cases that are not passed%s</label></p>
</section>
`, when(!v.Single, " by every party"))
}

func (v pageView) writeTotal(w *htmlWriter, total totalView) {
	switch {
	case !v.Single:
		w.printf(`<tr><th scope="row">%s</th><td>%s</td>`, total.Party, total.Role)
	case total.Level == "":
		w.print(`<tr class="total"><th scope="row">all</th>`)
	default:
		w.printf(`<tr><th scope="row">%s</th>`, total.Level)
	}
	for _, n := range total.Counts {
		w.printf(`<td class="num %s">%d</td>`, n.Class, n.N)
	}
	w.printf("<td class=\"num\">%d</td><td class=\"num\">%s</td></tr>\n", total.Total, total.Duration)
}

// writeVerdicts writes the table of a role.
func (v *roleView) writeVerdicts(w *htmlWriter) {
	w.printf(`
<section aria-labelledby="%s">
<h2 id="%[1]s">The %[1]s: verdicts</h2>
<div class="scroll" role="region" aria-label="Verdicts, %[1]s" tabindex="0">
<table class="matrix%[2]s">
<thead>
<tr><th scope="col">Case</th><th scope="col">Level</th>`, v.Role, when(!v.Single(), " wide"))
	if v.Single() {
		w.print(`<th scope="col">Verdict</th><th scope="col" class="num">Time</th>`)
	} else {
		for _, column := range v.Columns {
			w.printf(`<th scope="col">%s</th>`, column)
		}
	}
	w.print("</tr>\n</thead>\n<tbody>\n")
	for _, row := range v.Cases {
		w.printf(`<tr%s><th scope="row"><a href="#%s">%s</a> <span class="title">%s</span></th><td>%s</td>`,
			when(row.Plain, ` class="plain"`), row.Anchor, row.ID, row.Title, row.Level.String())
		for _, play := range row.Plays {
			if play == nil {
				w.print(`<td class="v-none">not played</td>`)
			} else {
				w.printf(`<td class="v-%s"><a href="#%s">%s</a></td>`, play.Class, play.Anchor, play.Status)
			}
		}
		if v.Single() {
			w.print(`<td class="num">`)
			for _, play := range row.Plays {
				w.printf("%s", play.Duration)
			}
			w.print(`</td>`)
		}
		w.print("</tr>\n")
	}
	w.print("</tbody>\n</table>\n</div>\n</section>\n")
}

// writeCases writes the cases of a role.
func (v *roleView) writeCases(w *htmlWriter) {
	w.printf(`<section aria-labelledby="%s-cases">
<h2 id="%[1]s-cases">The %[1]s: cases</h2>
`, v.Role)
	for _, row := range v.Cases {
		w.printf(`<details class="case%s"%s>
<summary><h3>%s</h3> <span class="title">%s</span> <span class="level">%s</span>`,
			when(row.Plain, " plain"), when(!row.Plain, " open"), row.ID, row.Title, row.Level.String())
		if v.Single() {
			for _, play := range row.Plays {
				w.printf(` <span class="tag v-%s">%s</span>`, play.Class, play.Status)
			}
		}
		w.printf("</summary>\n<div class=\"body\" id=\"%s\">\n", row.Anchor)
		row.write(w)
		for _, play := range row.Plays {
			switch {
			case play == nil:
			case v.Single():
				play.write(w)
			default:
				w.printf("<details class=\"play\"%s>\n<summary><h4>%s</h4> <span class=\"tag v-%s\">%s</span></summary>\n",
					when(play.Open, " open"), play.Party, play.Class, play.Status)
				play.write(w)
				w.print("</details>\n")
			}
		}
		w.print("</div>\n</details>\n")
	}
	w.print("</section>\n")
}
