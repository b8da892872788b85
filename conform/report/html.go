package report

import (
	_ "embed"
	"html/template"
	"io"

	"github.com/multiselect/multiselect/conform"
)

var (
	//go:embed page.html
	pageHTML string
	//go:embed page.css
	pageCSS string

	page = template.Must(template.New("page").Funcs(template.FuncMap{"linked": linked}).Parse(pageHTML))
)

// HTML writes one page that needs nothing but itself: no script, no font, no
// picture, no network. It has the verdict of each case, and for each case the
// requirement, what is legal, and what happened, with bytes and times. Name is
// whom it is about.
func HTML(w io.Writer, name string, r *conform.Report) error {
	title := "Conformance of " + name
	return Matrix(w, title, []NamedReport{{Name: name, Reports: []*conform.Report{r}}})
}

// Matrix writes the same page for several parties under test, side by side, with
// a table for each role.
func Matrix(w io.Writer, title string, parties []NamedReport) error {
	return page.Execute(w, newPage(title, parties))
}

// pageView is what the template sees.
type pageView struct {
	Title    string
	CSS      template.CSS
	When     string
	Verdicts []conform.Verdict
	Totals   []totalView
	Single   bool // one report, whose totals are by level
	Roles    []*roleView
}

// totalView is a row of the summary.
type totalView struct {
	Party, Role, Level string
	Counts             []int // in the order of Verdicts
	Total              int
	Summary            string
	OK                 bool
	Took               string
}

// roleView is a table, and the cases below it.
type roleView struct {
	Role    string
	Columns []string // the parties
	Cases   []*caseView
}

// caseView is a row of the table, and a case.
type caseView struct {
	Anchor string
	*conform.Case
	Mode  string // of an initiator
	Legal []legalView
	Plain bool // passed by everybody
	Plays []*playView
}

type legalView struct {
	*conform.Outcome
	Conditions string
}

// playView is a cell of the table, and a play. It is nil in Plays if the party
// has not played the case.
type playView struct {
	Anchor   string
	Party    string
	Status   string
	Class    string // the colour of the status
	Plain    bool   // a pass, and nothing else to say
	Open     bool   // unfolded
	Reason   string
	Expected []piece // why it was expected to fail
	Outcome  int     // 1 is the first one, 0 none
	Took     string
	Names    []nameView
	Events   []eventView
	More     string // what is left out
}

// Single says whether there is one column only.
func (r *roleView) Single() bool { return len(r.Columns) == 1 }

func newPage(title string, parties []NamedReport) pageView {
	p := pageView{Title: title, CSS: template.CSS(pageCSS), Verdicts: allVerdicts}
	for _, party := range parties {
		for _, r := range party.Reports {
			if p.When == "" {
				p.When = r.Start.UTC().Format("2006-01-02 15:04 MST")
			}
			p.role(r).add(party.Name, r)
			p.Totals = append(p.Totals, total(party.Name, r))
		}
	}
	if p.Single = len(p.Totals) == 1; p.Single {
		p.Totals = append(byLevel(parties[0].Name, parties[0].Reports), p.Totals...)
	}
	for _, role := range p.Roles {
		role.finish()
	}
	return p
}

// role returns the table for the role of r.
func (p *pageView) role(r *conform.Report) *roleView {
	for _, role := range p.Roles {
		if role.Role == r.Role.String() {
			return role
		}
	}
	role := &roleView{Role: r.Role.String()}
	p.Roles = append(p.Roles, role)
	return role
}

// add adds a column.
func (v *roleView) add(party string, r *conform.Report) {
	v.Columns = append(v.Columns, party)
	for i := range r.Results {
		result := &r.Results[i]
		row := v.row(result.Case)
		for len(row.Plays) < len(v.Columns)-1 {
			row.Plays = append(row.Plays, nil)
		}
		row.Plays = append(row.Plays, newPlay(row.Anchor, party, len(v.Columns), result))
	}
}

// row returns the row of a case.
func (v *roleView) row(c *conform.Case) *caseView {
	for _, row := range v.Cases {
		if row.ID == c.ID {
			return row
		}
	}
	row := &caseView{Anchor: v.Role + "-" + c.ID, Case: c, Mode: mode(c)}
	for i := range c.Legal {
		row.Legal = append(row.Legal, legalView{&c.Legal[i], conditions(&c.Legal[i])})
	}
	v.Cases = append(v.Cases, row)
	return row
}

// finish fills the gaps of the table.
func (v *roleView) finish() {
	for _, row := range v.Cases {
		for len(row.Plays) < len(v.Columns) {
			row.Plays = append(row.Plays, nil)
		}
		row.Plain = true
		for _, play := range row.Plays {
			row.Plain = row.Plain && (play == nil || play.Plain)
		}
	}
}

// total is the summary of a report.
func total(party string, r *conform.Report) totalView {
	t := totalView{
		Party: party, Role: r.Role.String(), Total: len(r.Results),
		Summary: Summary(r), OK: r.OK(), Took: took(r.Duration),
	}
	for _, v := range allVerdicts {
		t.Counts = append(t.Counts, r.Count(v))
	}
	return t
}

// byLevel is the summary of a report for each level that it has.
func byLevel(party string, reports []*conform.Report) (rows []totalView) {
	for _, r := range reports {
		for level := conform.LevelMust; level <= conform.LevelInfo; level++ {
			part := &conform.Report{Role: r.Role}
			for _, result := range r.Results {
				if result.Case.Level == level {
					part.Results = append(part.Results, result)
					part.Duration += result.Duration
				}
			}
			if len(part.Results) > 0 {
				row := total(party, part)
				row.Level = level.String()
				rows = append(rows, row)
			}
		}
	}
	return rows
}
