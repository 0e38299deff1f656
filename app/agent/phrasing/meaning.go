package phrasing

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"
)

// A text may use the message's own words, plain words that claim nothing, and words
// of a concept (to spend, more, last, a month ...) where the message uses one of the
// same concept. Every other word is refused, for it may claim anything.
//
// A number keeps its place: the concepts next to it must be those that are next to it
// in the message or that its fact is named by, so that "you have spent <limit>" is
// refused; numbers of one sentence keep their order; a sentence with numbers denies
// something exactly when the message's does. This refuses good phrasings too, which
// costs no more than the template's words.

// concepts are words by what they claim.
var concepts = conceptSet(map[string]string{
	"spend": "spend spends spent spending expense expenses expenditure used use uses gone went go goes outgoings purchase purchases bought buy " +
		"cost costs costing charge charges charged charging bill bills billed billing takes took debit debited",
	"limit":  "limit limits budget budgets budgeted allowance",
	"more":   "more increase increased increases increasing grew grow grows grown growing rose risen rise rises rising up higher above over exceed exceeded exceeds extra additional beyond dearer",
	"less":   "less fewer lower low fell fall falls fallen falling drop dropped drops down below under decrease decreased decreases declined reduced cheaper shrank",
	"earn":   "earn earned earns income incomes earning earnings received receive receives came salary wages credited",
	"refund": "refund refunds refunded back reimburse reimbursed reimbursement return returned",
	"pay":    "pay pays paid paying payment payments",
	"save":   "save saved saves saving savings kept keep keeps keeping aside reserve reserves",
	"short":  "missing short shortfall lacking lack gap",
	"left":   "left remaining remain remains remainder",
	"need":   "need needs needed require requires required",
	"last":   "last latest final recent previous lasted lasting",
	"next":   "next upcoming coming expect expected due soon",
	"usual":  "usual usually normal normally typical typically average middle median",
	"day":    "day days daily", "week": "week weeks weekly", "month": "month months monthly", "year": "year years yearly annual annually",
	"payday": "payday", "times": "times", "hold": "hold holds held balance", "again": "again second twice repeated duplicate", "first": "first once",
	"pace": "pace rate speed", "target": "target targets goal goals aim", "weekend": "weekend weekends", "weekday": "weekday weekdays",
	"from": "from", "to": "to", "of": "of", "than": "than", "against": "against versus", "until": "until till before by", "since": "since after",
	"least": "least", "most": "most", "begin": "start starts started begin begins began beginning",
	"not": "not no never none nothing without neither nor cannot hardly isn wasn weren aren don doesn didn won wouldn hasn haven hadn couldn t",
})

// prepositions bind to the number behind them only.
var prepositions = wordSet("from to of than against until since")

const negation = "not"

// plain are words that claim nothing. What is missing here claims something: things
// that are charged or blocked (account, money), who does it (we), what is to come
// (will, can), and of how much it is said (altogether).
var plain = wordSet("a an the this that these those it its you your yours ve re s d is are was were be been being has have having do does did would " +
	"could may might and or but so as at in on for with within about around roughly approximately if when while where which who here there then now " +
	"also too already still far amount amounts category per each every during " +
	"percent percentage share part compared looks seems means figure figures through time period note quick shows show seen per both into out off " +
	"comes come adds add stands stand like some since meanwhile " +
	"what much many how")

func wordSet(words string) map[string]bool {
	set := map[string]bool{}
	for _, word := range strings.Fields(words) {
		set[word] = true
	}
	return set
}

func conceptSet(words map[string]string) map[string]string {
	set := map[string]string{}
	for concept, text := range words {
		for _, word := range strings.Fields(text) {
			set[word] = concept
		}
	}
	return set
}

// joins begin a clause.
var joins = map[string]bool{",": true, "and": true, "but": true, "while": true, "or": true, "which": true}

// figure is a number, date or time of a text, and what is said around it.
type figure struct {
	value         string
	sentence      int
	percent       bool
	kind          kind
	clause        int      // of the sentence
	supposed      bool     // its clause says what could be
	before, after []string // concepts up to the next figure or the sentence's end
}

// kind tells figures apart that keep an order of their own.
type kind int

const (
	quantity kind = iota
	instant       // a date or a time
	duration      // a whole number of days, weeks, months, years or times
)

// units are the concepts that durations are measured in.
var units = wordSet("day week month year times")

// kindOf tells the kind of a value by what comes behind it.
func kindOf(value string, behind string) kind {
	switch {
	case instants.MatchString(value):
		return instant
	case units[concepts[behind]] && !strings.Contains(value, "."):
		return duration
	}
	return quantity
}

// around are the concepts next to the figure. A preposition behind it is the next one's.
func (f figure) around() []string {
	all := slices.Clone(f.before)
	for _, concept := range f.after {
		if !prepositions[concept] {
			all = append(all, concept)
		}
	}
	return all
}

// sentence is a sentence's concepts and the words next to one another.
type sentence struct {
	concepts []string
	words    []string
	clauses  [][]string // of words, without currencies
}

// claims are its concepts without prepositions.
func (s sentence) claims() []string {
	return slices.DeleteFunc(slices.Clone(s.concepts), func(concept string) bool { return prepositions[concept] })
}

func (s sentence) denies() bool { return slices.Contains(s.concepts, negation) }

// meaning is what a text says.
type meaning struct {
	figures   []figure
	sentences []sentence
}

var (
	sentenceEnd = regexp.MustCompile(`[.!?;:]+(?:\s|$)`)
	piece       = regexp.MustCompile(`\p{Co}%?|\p{L}+|,`)
	instants    = regexp.MustCompile(`:|^(?:[0-9]{4})?-[0-9]{2}`)
	percents    = regexp.MustCompile(`(\p{Co})\s*(?:%|percent\b)`)
)

// firstMark is the first of the private characters that stand for marked values.
const firstMark = '\uE000'

// marked replaces what stands for a number by a private character, the n-th for the
// n-th value.
func marked(text string) (_ string, found []string) {
	text = strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Co, r) {
			return ' '
		}
		return r
	}, text)
	mark := func(pattern *regexp.Regexp, value func(groups []string) string) {
		text = pattern.ReplaceAllStringFunc(text, func(match string) string {
			its := value(pattern.FindStringSubmatch(match))
			if its == "" {
				return match
			}
			found = append(found, its)
			return " " + string(firstMark+rune(len(found)-1)) + " "
		})
	}
	date := func(year, month, day string) string {
		var s said
		if !s.date(year, month, day) {
			return ""
		}
		return s.dates[0]
	}
	mark(isoDate, func(g []string) string { return g[0] })
	mark(isoMonth, func(g []string) string { return g[0] })
	mark(dayMonth, func(g []string) string { return date(g[3], g[2], g[1]) })
	mark(justYear, func(g []string) string { return g[2] + "-" + monthOf(g[1]) })
	mark(monthDay, func(g []string) string { return date(g[3], g[1], g[2]) })
	mark(clock, func(g []string) string { return g[0] })
	mark(ordinal, func(g []string) string { return normal(g[1]) })
	text = mixed.ReplaceAllString(text, " ")
	mark(number, func(g []string) string { return normal(g[0]) })
	mark(letters, func(g []string) string { return values[strings.ToLower(g[0])] })
	return text, found
}

// understand reads what a text says.
func understand(text string) meaning {
	var m meaning
	text, values := marked(text)
	text = percents.ReplaceAllString(strings.NewReplacer("n't", " not", "n’t", " not").Replace(text), "$1%")
	for _, one := range sentenceEnd.Split(text, -1) {
		var its sentence
		var before []string
		open := -1 // the figure whose after is being read
		clause := 0
		supposed := map[int]bool{} // clauses
		first := len(m.figures)
		tokens := piece.FindAllString(one, -1)
		for i, token := range tokens {
			behind := ""
			if i+1 < len(tokens) {
				behind = strings.ToLower(tokens[i+1])
			}
			if at := []rune(token)[0] - firstMark; at >= 0 && int(at) < len(values) {
				m.figures = append(m.figures, figure{
					value: values[at], sentence: len(m.sentences), percent: strings.HasSuffix(token, "%"), kind: kindOf(values[at], behind), clause: clause, before: before,
				})
				open, before = len(m.figures)-1, nil
				its.words = append(its.words, "")
				continue
			}
			word := strings.ToLower(token)
			if joins[word] { // what comes is said of something else
				open, before = -1, nil
				clause++
			}
			if word == "," {
				continue
			}
			its.words = append(its.words, word)
			for len(its.clauses) <= clause {
				its.clauses = append(its.clauses, nil)
			}
			if !code.MatchString(token) {
				its.clauses[clause] = append(its.clauses[clause], word)
			}
			supposed[clause] = supposed[clause] || suppositions[word]
			concept, is := concepts[word]
			if !is || word == "over" && behind == "a" { // over a year
				continue
			}
			its.concepts, before = append(its.concepts, concept), append(before, concept)
			if open >= 0 {
				m.figures[open].after = append(m.figures[open].after, concept)
			}
		}
		for i := first; i < len(m.figures); i++ {
			m.figures[i].supposed = supposed[m.figures[i].clause]
		}
		m.sentences = append(m.sentences, its)
	}
	return m
}

// wordsOf are the words of texts, in small letters.
func wordsOf(texts ...string) map[string]bool {
	set := map[string]bool{}
	for _, text := range texts {
		for _, word := range letters.FindAllString(strings.ToLower(text), -1) {
			set[word] = true
		}
	}
	return set
}

// checkWords tells which word a text may not use.
func checkWords(text, message string, facts map[string]string) error {
	known := wordsOf(message)
	claimed := map[string]bool{}
	for word := range known {
		claimed[concepts[word]] = true
	}
	named := map[string]bool{}
	for name, fact := range facts {
		for word := range wordsOf(fact, split(name)) {
			named[word] = true
			if concept, is := concepts[word]; is {
				claimed[concept] = true
			}
		}
	}
	for word := range wordsOf(text) {
		concept, is := concepts[word]
		_, counts := values[word]
		date := monthName.MatchString(word) || word == "st" || word == "nd" || word == "rd" || word == "th"
		if known[word] || named[word] || plain[word] || is && (claimed[concept] || prepositions[concept]) || counts || date {
			continue
		}
		return fmt.Errorf("the message does not speak of %q", word)
	}
	return nil
}

var monthName = regexp.MustCompile(`^` + strings.TrimSuffix(monthNames, `\.?`) + `$`)

// split writes a fact's name as words: perYear is "per year".
func split(name string) string {
	var words strings.Builder
	for _, r := range name {
		if unicode.IsUpper(r) {
			words.WriteByte(' ')
		}
		words.WriteRune(unicode.ToLower(r))
	}
	return words.String()
}

// checkMeaning tells where a text says something else of a number, or denies what the
// message does not.
func checkMeaning(text, message string, facts map[string]string) error {
	said, known := understand(text), understand(message)
	type row struct {
		sentence int
		kind     kind
	}
	last := map[row]int{} // the figure of the message that came last
	type part struct{ sentence, clause int }
	of := map[part]int{} // the message's sentence that a clause is of
	for _, f := range said.figures {
		in := row{f.sentence, f.kind}
		at, err := known.place(f, said.sentences[f.sentence], last[in], facts)
		if err != nil {
			return err
		}
		if at < 0 {
			if f.supposed || said.sentences[f.sentence].conditional() {
				return fmt.Errorf("%s is what is, and not what could be", f.value)
			}
			continue
		}
		if err := known.supposes(known.figures[at], f, said.sentences[f.sentence]); err != nil {
			return err
		}
		if before, is := last[in]; is && known.figures[before].sentence == known.figures[at].sentence && before > at {
			return fmt.Errorf("%s stands in another order than in the message", f.value)
		}
		last[in] = at
		clause, its := part{f.sentence, f.clause}, known.figures[at].sentence
		if before, is := of[clause]; is && before != its {
			return fmt.Errorf("%s is of something else in the message", f.value)
		}
		of[clause] = its
	}
	for i, one := range said.sentences {
		if err := known.denials(i, one, said); err != nil {
			return err
		}
		if err := known.actors(one, facts); err != nil {
			return err
		}
		if !slices.ContainsFunc(said.figures, func(f figure) bool { return f.sentence == i }) && !known.tells(one) {
			return fmt.Errorf("the message does not say %q", strings.Join(one.words, " "))
		}
	}
	return nil
}

// place finds the figure of the message that a text's figure stands for; -1: it is a
// fact that the message does not name, and that the text does. Of several it is the
// first from least on.
func (m meaning) place(f figure, in sentence, least int, facts map[string]string) (int, error) {
	names, named := namesOf(f, facts)
	around := m.turned(f).around()
	found, before := false, -1
	for i, one := range m.figures {
		if !same(one.value, f.value) || one.percent != f.percent {
			continue
		}
		found = true
		if m.says(f, around, one, named, facts) {
			if i >= least {
				return i, nil
			}
			before = i
		}
	}
	if before >= 0 {
		return before, nil
	}
	for _, name := range names {
		concept, is := concepts[name]
		if f.percent != ratios[name] {
			continue
		}
		says := slices.Contains(in.words, name) && !plain[name] || is && slices.Contains(in.concepts, concept) || name == "percent" && f.percent
		if found { // then it is not said otherwise by another word
			says = slices.Contains(in.words, name) && !plain[name]
		}
		if says && within(around, append(named, shares(f, facts)...)) {
			return -1, nil
		}
	}
	if found {
		return 0, fmt.Errorf("the message says something else of %s", f.value)
	}
	return 0, fmt.Errorf("the text does not say what %s is", f.value)
}

// says tells whether what a text says around a figure is what the message says of
// one of its own.
func (m meaning) says(f figure, around []string, one figure, named []string, facts map[string]string) bool {
	own := append(one.around(), named...)
	allowed := append(m.lent(one, facts), own...)
	switch one.kind {
	case instant: // its clause is compared
		return within(around, append(m.sentences[one.sentence].concepts, allowed...))
	case duration:
		return f.kind == duration && f.bound() == one.bound() && within(unitsOf(f.after), unitsOf(one.after)) && within(around, append(m.sentences[one.sentence].concepts, own...)) && len(f.after) > 0 && slices.Contains(one.after, f.after[0])
	}
	if bound := one.bound(); bound != "" && f.bound() != bound {
		return len(around) > 0 && within(around, named)
	}
	if !within(m.per(one), around) || len(f.after) > 0 && units[f.after[0]] && !slices.Contains(append(m.rate(one), named...), f.after[0]) {
		return false
	}
	if slices.ContainsFunc(one.after, func(concept string) bool { return directions[concept] && !slices.Contains(around, concept) }) {
		return false
	}
	if len(one.after) > 0 && one.after[0] == "times" && (len(f.after) == 0 || f.after[0] != "times") {
		return false
	}
	return within(around, allowed) && (len(one.around()) == 0 || overlap(around, own))
}

// per is the time that an amount is of, such as a month: right behind it, or at the
// beginning of its sentence.
func (m meaning) per(f figure) []string {
	its := slices.IndexFunc(m.figures, func(one figure) bool { return one.sentence == f.sentence })
	switch {
	case len(f.after) > 0 && units[f.after[0]]:
		return f.after[:1]
	case m.figures[its].value == f.value:
		return unitsOf(f.before)
	}
	return nil
}

// directions are concepts without which an amount is another.
var directions = wordSet("more less")

// rate is the time that an amount comes again in, such as a month; last month is none.
func (m meaning) rate(f figure) []string {
	if slices.Contains(f.before, "last") || slices.Contains(f.before, "next") {
		return unitsOf(f.after[:min(1, len(f.after))])
	}
	return m.per(f)
}

func unitsOf(some []string) []string {
	return slices.DeleteFunc(slices.Clone(some), func(concept string) bool { return !units[concept] })
}

// bound is the preposition that stands right before the figure, or empty.
func (f figure) bound() string {
	if n := len(f.before); n > 0 && prepositions[f.before[n-1]] {
		return f.before[n-1]
	}
	return ""
}

func prepositionsOf(some []string) []string {
	return slices.DeleteFunc(slices.Clone(some), func(concept string) bool { return !prepositions[concept] })
}

// namesOf are the words by which facts name a figure, and their concepts.
func namesOf(f figure, facts map[string]string) (names, named []string) {
	for name, fact := range facts {
		for _, one := range understand(fact).figures {
			if same(one.value, f.value) {
				names = append(names, strings.Fields(split(name))...)
				named = append(named, one.before...)
			}
		}
	}
	for _, name := range names {
		if concept, is := concepts[name]; is {
			named = append(named, concept)
		}
	}
	return names, named
}

// turned leaves out of what is before a figure what only turns a phrase: a direction
// that the message has too and that goes on with from, an infinitive's to, the of
// behind a charge.
func (m meaning) turned(f figure) figure {
	var before []string
	for i, concept := range f.before {
		direction := concept == "more" || concept == "less"
		last := i == len(f.before)-1
		switch {
		case direction && !last && f.before[i+1] == "from" && m.claims(concept): // up from
			continue
		case concept == "to" && !last: // to charge
			continue
		case concept == "of" && i > 0 && f.before[i-1] == "spend": // a charge of
			continue
		}
		before = append(before, concept)
	}
	f.before = before
	return f
}

func (m meaning) claims(concept string) bool {
	return slices.ContainsFunc(m.sentences, func(s sentence) bool { return slices.Contains(s.concepts, concept) })
}

// deeds are concepts of what is done with money.
var deeds = []string{"spend", "earn", "save", "pay", "refund", "hold", "need", "short", "left"}

// lent are concepts that a figure of the message may have besides its own: without any
// of its own (as what is in brackets) those of its sentence and of the facts' names;
// else the one thing that the message says is done with money.
func (m meaning) lent(f figure, facts map[string]string) []string {
	its := m.sentences[f.sentence]
	if len(f.around()) == 0 {
		lent := its.claims()
		for name := range facts {
			if f.kind == quantity && !f.percent {
				break
			}
			if concept, is := concepts[name]; is {
				lent = append(lent, concept)
			}
		}
		return lent
	}
	var lent []string
	for _, concept := range its.concepts {
		if mild[concept] {
			lent = append(lent, concept)
		}
	}
	for i := 1; i < len(its.words); i++ {
		if unit := concepts[its.words[i]]; its.words[i-1] == "last" && units[unit] {
			lent = append(lent, "last", unit)
		}
	}
	if slices.Contains(f.after, "times") { // what it is times of
		for _, next := range m.figures {
			if next.sentence == f.sentence {
				lent = append(lent, next.around()...)
			}
		}
	}
	done := slices.DeleteFunc(slices.Clone(deeds), func(deed string) bool { return !m.claims(deed) })
	if len(done) == 1 && len(prepositionsOf(f.before)) == 0 {
		lent = append(lent, done...)
	}
	return lent
}

// mild are concepts that say when, and of nothing how much.
var mild = wordSet("payday next again begin")

// shares are the concepts that a share of what was spent may have.
func shares(f figure, facts map[string]string) []string {
	if _, spent := facts["spent"]; spent && f.percent {
		return []string{"spend", "limit"}
	}
	return []string{"limit", "target"}
}

// same tells whether a text's value is one of the message's; a date may lack its year,
// and a month be that of a date.
func same(known, value string) bool {
	return known == value || value != "" && value[0] == '-' && len(value) == 6 && strings.HasSuffix(known, value) ||
		len(value) == len("2026-11") && len(known) == len("2026-11-03") && strings.HasPrefix(known, value+"-")
}

func within(some, all []string) bool {
	return !slices.ContainsFunc(some, func(one string) bool { return !slices.Contains(all, one) })
}

func overlap(some, others []string) bool {
	return slices.ContainsFunc(some, func(one string) bool { return slices.Contains(others, one) })
}

// denials compares what a sentence of a text denies with the message's sentences that
// have its figures, or with all of them when it has none.
func (m meaning) denials(i int, one sentence, said meaning) error {
	numbers := false
	for _, f := range said.figures {
		if f.sentence != i {
			continue
		}
		for _, known := range m.figures {
			if same(known.value, f.value) {
				numbers = true
				if m.sentences[known.sentence].denies() == one.denies() {
					return nil
				}
			}
		}
	}
	if numbers || one.denies() && !slices.ContainsFunc(m.sentences, sentence.denies) {
		return fmt.Errorf("it denies what the message does not, or the other way round")
	}
	return nil
}

// actors refuses money that takes another way: who pays whom must be as the message
// says it.
func (m meaning) actors(one sentence, facts map[string]string) error {
	if err := m.suffers(one, facts); err != nil {
		return err
	}
	if len(one.words) > 0 && moves[roleOf(one.words[0])] && roleOf(one.words[0]) != "charge" && !slices.ContainsFunc(m.sentences, func(s sentence) bool {
		return len(s.words) > 0 && s.words[0] == one.words[0]
	}) {
		return fmt.Errorf("the message does not begin with %q", one.words[0])
	}
	for i := 1; i < len(one.words); i++ {
		if concept := concepts[one.words[i]]; (concept == "pay" || concept == "refund") && !m.writes(one.words[i-1], one.words[i]) {
			return fmt.Errorf("%q is not what the message says", one.words[i-1]+" "+one.words[i])
		}
		pair := [2]string{roleOf(one.words[i-1]), roleOf(one.words[i])}
		concerns := moves[pair[0]] && pair[1] == "you" || pair[0] == "you" && pair[1] == "charge"
		if !concerns {
			continue
		}
		if !slices.ContainsFunc(m.sentences, func(s sentence) bool { return s.has(pair) }) {
			return fmt.Errorf("%q is not what the message says", one.words[i-1]+" "+one.words[i])
		}
	}
	return nil
}

// writes tells whether the message has two words next to one another.
func (m meaning) writes(first, second string) bool {
	return slices.ContainsFunc(m.sentences, func(s sentence) bool {
		for i := 1; i < len(s.words); i++ {
			if s.words[i-1] == first && s.words[i] == second {
				return true
			}
		}
		return false
	})
}

func (s sentence) has(pair [2]string) bool {
	for i := 1; i < len(s.words); i++ {
		if roleOf(s.words[i-1]) == pair[0] && roleOf(s.words[i]) == pair[1] {
			return true
		}
	}
	return false
}

var moves = map[string]bool{"charge": true, "pay": true, "earn": true, "refund": true}

// charging are words of who takes the money.
var charging = wordSet("charge charges charged charging bill bills billed billing debit debited")

func roleOf(word string) string {
	switch {
	case word == "you" || word == "your":
		return "you"
	case charging[word]:
		return "charge"
	}
	return concepts[word]
}
