package statement

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
)

// Answer is what a person said to a question, and what had been proposed: values of the
// mapping as JSON, by the fields that answer it. A field that is not set is missing.
type Answer struct {
	Proposed map[Field]string `json:"proposed"`
	Value    map[Field]string `json:"value"`
}

// Answers are kept by the question.
type Answers map[Field]Answer

// Answered returns the answers of before with what a mapping says to the proposal's
// questions. An answer that contradicts that of before leaves none: one of the two files
// was not what it seemed.
func (p Proposal) Answered(m Mapping, before Answers) Answers {
	found := Answers{}
	maps.Copy(found, before)
	for _, a := range p.Ambiguities {
		if a.Field == AskFile {
			continue
		}
		answer := Answer{a.values(p.Mapping), a.values(m)}
		if a.contradicts && !maps.Equal(before[a.Field].Value, answer.Value) {
			delete(found, a.Field)
			continue
		}
		if !a.contradicts {
			found[a.Field] = answer
		}
	}
	return found
}

// values are what a mapping says to a question.
func (a Ambiguity) values(m Mapping) map[Field]string {
	fields, found := fieldsOf(m), map[Field]string{}
	for _, field := range append([]Field{a.Field}, a.or...) {
		if value, is := fields[string(field)]; is {
			found[field] = value
		}
	}
	return found
}

// Recall lays the answers that were given before over the proposal's mapping, where they
// answer what is asked once more, and returns which questions they answer.
func (p Proposal) Recall(before Answers) (Mapping, []Field) {
	fields, found := fieldsOf(p.Mapping), []Field{}
	for _, a := range p.Ambiguities {
		answer, is := before[a.Field]
		if !is || !a.fits(answer, p.Mapping) {
			continue
		}
		for _, field := range append([]Field{a.Field}, a.or...) {
			delete(fields, string(field))
			if value, is := answer.Value[field]; is {
				fields[string(field)] = value
			}
		}
		found = append(found, a.Field)
	}
	raw := map[string]json.RawMessage{}
	for field, value := range fields {
		raw[field] = json.RawMessage(value)
	}
	var m Mapping
	text, err := json.Marshal(raw)
	if err == nil {
		err = json.Unmarshal(text, &m)
	}
	if err != nil { // kept by a version that knew other fields
		return p.Mapping, []Field{}
	}
	return m, found
}

// fits reports whether an answer of before answers a question: the file speaks for the
// same as then, and the value is among those that fit.
func (a Ambiguity) fits(answer Answer, proposed Mapping) bool {
	if a.contradicts || !maps.Equal(answer.Proposed, a.values(proposed)) {
		return false
	}
	value, is := answer.Value[a.Field]
	if !is || len(a.Choices) == 0 {
		return true
	}
	return slices.Contains(a.Choices, plain(value))
}

// plain is a value as it is written among choices.
func plain(value string) string {
	var text string
	if json.Unmarshal([]byte(value), &text) == nil {
		return text
	}
	return value
}

// told are the fields that a file may speak of so plainly that nothing is asked, and yet
// otherwise than what was answered for one like it.
var told = []Field{AskDateLayout, AskDecimalMark, AskInverted, AskFeeMode, AskAmount}

// Doubt asks where the file speaks against what was answered before for a file with the
// same columns.
func (p *Proposal) Doubt(before Answers) {
	for _, field := range told {
		answer, is := before[field]
		asked := slices.ContainsFunc(p.Ambiguities, func(a Ambiguity) bool { return a.Field == field })
		now := fieldsOf(p.Mapping)[string(field)]
		if !is || asked || answer.Value[field] == now || now == "" && field != AskInverted {
			continue
		}
		was, seems := plain(answer.Value[field]), plain(now)
		if field == AskInverted {
			was, seems = fmt.Sprint(was == "true"), fmt.Sprint(seems == "true")
		}
		p.ask(Ambiguity{
			Field: field, Choices: []string{seems, was}, contradicts: true,
			Reason: fmt.Sprintf("for an earlier file of this account the answer was %s, and this file speaks for %s: one of the two may have been read wrongly", quote(was), quote(seems)),
		})
	}
	if was := plain(before[AskAccount].Value[AskAccount]); was != "" && len(p.Accounts) == 1 && p.Accounts[0] != was {
		p.ask(Ambiguity{
			Field: AskAccount, Choices: p.Accounts, contradicts: true,
			Reason: fmt.Sprintf("earlier files were those of the account %s, and this one is of %s: is it the right wallet?", quote(was), quote(p.Accounts[0])),
		})
	}
}

// Recalled returns the questions to which a mapping says what was answered before.
func (p Proposal) Recalled(m Mapping, before Answers) []Field {
	known, fields := p.Recall(before)
	return slices.DeleteFunc(fields, func(field Field) bool {
		return !slices.ContainsFunc(p.Ambiguities, func(a Ambiguity) bool { return a.Field == field && maps.Equal(a.values(m), a.values(known)) })
	})
}
