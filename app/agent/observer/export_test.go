package observer

// Removals are the statements by which a user is forgotten.
func Removals() (all []string) {
	for _, rows := range forgotten {
		all = append(all, removal(rows))
	}
	return all
}
