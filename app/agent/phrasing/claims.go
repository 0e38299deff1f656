package phrasing

import (
	"fmt"
	"slices"
)

// suppositions are words of what could be.
var suppositions = wordSet("would could may might d")

// conditions begin what holds only if something else does.
var conditions = wordSet("if when whether unless")

// ratios are the names of facts that are given in percent.
var ratios = wordSet("percent rate share threshold")

// charged are words of what was done to who pays.
var charged = wordSet("charged billed debited")

// passives stand before what is done to somebody.
var passives = wordSet("is are was were be been being")

func (s sentence) any(set map[string]bool) bool {
	return slices.ContainsFunc(s.words, func(word string) bool { return set[word] })
}

func (s sentence) conditional() bool { return s.any(conditions) }

// supposes compares what could be with what is, for a figure of a text and the
// message's figure that it stands for.
func (m meaning) supposes(known, f figure, in sentence) error {
	its := m.sentences[known.sentence]
	switch {
	case in.conditional() != its.conditional():
		return fmt.Errorf("%s depends on something else than in the message", f.value)
	case known.supposed && !in.any(suppositions):
		return fmt.Errorf("%s is what could be, and not what is", f.value)
	case f.supposed && !known.supposed && !its.conditional():
		return fmt.Errorf("%s is what is, and not what could be", f.value)
	}
	return nil
}

// tells reports whether a sentence without figures says what one of the message's
// sentences says, or nothing: each of its clauses is a part of one of that sentence's.
// What depends on something, or is denied, must be that sentence whole.
func (m meaning) tells(one sentence) bool {
	said := content(slices.Concat(one.clauses...))
	if len(said) == 0 {
		return true
	}
	return slices.ContainsFunc(m.sentences, func(its sentence) bool {
		switch {
		case one.denies() != its.denies() || one.conditional() != its.conditional():
			return false
		case its.denies() || its.conditional():
			return slices.Equal(said, content(slices.Concat(its.clauses...)))
		case one.any(suppositions) != its.any(suppositions):
			return false
		}
		return !slices.ContainsFunc(one.clauses, func(clause []string) bool {
			return !slices.ContainsFunc(its.clauses, func(known []string) bool { return contains(content(known), content(clause)) })
		})
	})
}

// contains reports whether all has part in one piece.
func contains(all, part []string) bool {
	for at := 0; at+len(part) <= len(all); at++ {
		if slices.Equal(all[at:at+len(part)], part) {
			return true
		}
	}
	return false
}

// content is what words claim something with: concepts, and words that are none and
// not plain.
func content(words []string) []string {
	var content []string
	for _, word := range words {
		concept, is := concepts[word]
		switch {
		case word == "" || !is && plain[word] || prepositions[concept]:
		case is:
			content = append(content, concept)
		default:
			content = append(content, word)
		}
	}
	return content
}

// suffers refuses a charge that somebody suffers whom the message does not name so: "is
// charged" needs who charges, and is said of you or of an amount. What you spent is
// said only where the message speaks to you.
func (m meaning) suffers(one sentence, facts map[string]string) error {
	named := wordsOf(facts["merchant"])
	to := slices.ContainsFunc(m.sentences, func(s sentence) bool { return s.any(wordSet("you your")) })
	for i, word := range one.words {
		if word == "you" && !to && slices.ContainsFunc(one.words[i:min(i+4, len(one.words))], func(next string) bool { return concepts[next] == "spend" }) {
			return fmt.Errorf("the message does not say what you spent")
		}
		if !charged[word] || !slices.ContainsFunc(one.words[max(0, i-2):i], func(before string) bool { return passives[before] }) {
			continue
		}
		by := slices.Index(one.words, "by")
		if by < i || by+1 >= len(one.words) || !named[one.words[by+1]] || one.words[by+1] == "you" {
			return fmt.Errorf("it does not say who charges")
		}
		if slices.ContainsFunc(one.words[:i], func(before string) bool { return named[before] }) {
			return fmt.Errorf("the message does not say that %s is charged", facts["merchant"])
		}
	}
	return nil
}
