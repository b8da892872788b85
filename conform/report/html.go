package report

import (
	"io"

	"github.com/multiselect/multiselect/conform"
)

// HTML writes one self-contained page, without scripts, fonts or pictures. It lists the
// verdicts, and shows for each case the requirement, the legal outcomes, and the events
// with bytes and times. Name is the name of the party under test.
func HTML(w io.Writer, name string, r *conform.Report) error {
	title := "Conformance of " + name
	return Matrix(w, title, []NamedReport{{Name: name, Reports: []*conform.Report{r}}})
}

// Matrix writes a page like that of [HTML] for several parties under test, side by side,
// with a table for each role.
func Matrix(w io.Writer, title string, parties []NamedReport) error {
	return newPage(title, parties).write(w)
}

// pageView is the data of the page.
type pageView struct {
	Title  string
	When   string
	Groups []groupView
	Totals []totalView
	Single bool // one report, whose totals are by level
	Roles  []*roleView
}

// totalView is a row of the summary.
type totalView struct {
	Party, Role, Level string
	Counts             []countView // in the order of Groups
	Total              int
	Summary            string
	OK                 bool
	Duration           string
}

// groupView is a count of the summaries, and the columns that it consists of.
type groupView struct {
	Name     string
	Statuses []string
}

// countView is a cell of the summary.
type countView struct {
	N     int
	Class string
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
	Plain bool // every party passed
	Plays []*playView
}

type legalView struct {
	*conform.Outcome
	Conditions string
}

// playView is a cell of the table and the play that it links to. It is nil in Plays if the
// party has not played the case.
type playView struct {
	Anchor   string
	Party    string
	Status   string
	Class    string // the colour of the status
	Plain    bool   // a pass without a remark
	Open     bool   // unfolded
	Reason   string
	Expected []piece // the reason for which it was expected to fail
	Outcome  int     // number of the legal outcome, from 1, or 0 for none
	Duration string
	Names    []nameView
	Events   []eventView
	More     string // the number of omitted events and bytes
}

// Single reports whether the table has one column.
func (r *roleView) Single() bool { return len(r.Columns) == 1 }

func newPage(title string, parties []NamedReport) pageView {
	p := pageView{Title: title, Groups: newGroups()}
	for _, party := range parties {
		for _, r := range party.Reports {
			if p.When == "" {
				p.When = r.Start.UTC().Format("2006-01-02 15:04 MST")
			}
			p.role(r).add(party.Name, r)
			p.Totals = append(p.Totals, newTotal(party.Name, r))
		}
	}
	if p.Single = len(p.Totals) == 1; p.Single {
		p.Totals = append(totalsByLevel(parties[0].Name, parties[0].Reports), p.Totals...)
	}
	for _, role := range p.Roles {
		role.finish()
	}
	return p
}

// role returns the table for the role of r, which it creates for the first report.
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

// row returns the row of a case, which it creates for the first result.
func (v *roleView) row(c *conform.Case) *caseView {
	for _, row := range v.Cases {
		if row.ID == c.ID {
			return row
		}
	}
	row := &caseView{Anchor: v.Role + "-" + c.ID, Case: c, Mode: initiatorMode(c)}
	for i := range c.Legal {
		row.Legal = append(row.Legal, legalView{&c.Legal[i], describeConditions(&c.Legal[i])})
	}
	v.Cases = append(v.Cases, row)
	return row
}

// finish makes all rows equally long, and sets Plain.
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

// newTotal returns the summary of a report.
func newTotal(party string, r *conform.Report) totalView {
	t := totalView{
		Party: party, Role: r.Role.String(), Total: len(r.Results),
		Summary: Summary(r), OK: r.OK(), Duration: formatDuration(r.Duration),
	}
	n := count(r.Results)
	for _, s := range statuses {
		class := "zero"
		if n[s.name] > 0 {
			class = "n-" + s.group
		}
		t.Counts = append(t.Counts, countView{n[s.name], class})
	}
	return t
}

func newGroups() (views []groupView) {
	for _, group := range groups {
		v := groupView{Name: group}
		for _, s := range statuses {
			if s.group == group {
				v.Statuses = append(v.Statuses, s.name)
			}
		}
		views = append(views, v)
	}
	return views
}

// totalsByLevel returns the summaries of the reports for each level that occurs.
func totalsByLevel(party string, reports []*conform.Report) (rows []totalView) {
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
				row := newTotal(party, part)
				row.Level = level.String()
				rows = append(rows, row)
			}
		}
	}
	return rows
}
