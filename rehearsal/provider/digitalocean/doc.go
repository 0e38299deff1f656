// Package digitalocean stands in for Pulumi's DigitalOcean plugin where that
// one cannot be downloaded: the same types and properties, for the resources
// that the program uses, on DigitalOcean's own client.
//
// A resource is one file: a struct whose tags say all that Check and Diff must
// know of its properties, and the calls that make of it what the program says.
//
// The tag `json` names a property, as the SDK does; the tag `do` says what it
// is:
//
//	required  the program must give it
//	replace   another value replaces the resource
//	output    the provider sets it, the program cannot
//	computed  the provider chooses a value when the program gives none
//	autoname  without a value it is the resource's name and a random end
//	set       the order of a list does not count
//	secret    it is encrypted in the state
//
// and the tag `default` is the value that the program need not give.
package digitalocean
