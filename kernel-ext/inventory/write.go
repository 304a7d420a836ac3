package inventory

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// Summary counts the components by licence, the most frequent first, a line each.
func Summary(all []Component) []string {
	count := map[string]int{}
	for _, c := range all {
		count[c.Licence]++
	}
	var names []string
	for name := range count {
		names = append(names, name)
	}
	slices.SortFunc(names, func(a, b string) int { return cmp.Or(cmp.Compare(count[b], count[a]), cmp.Compare(a, b)) })
	lines := make([]string, len(names))
	for i, name := range names {
		lines[i] = fmt.Sprintf("%4d  %s", count[name], name)
	}
	return lines
}

// Notices are the texts that go with the components. A text that several have is there once.
func Notices(all []Component) []byte {
	var order, bare []string
	holders := map[string][]string{}
	for _, c := range all {
		if len(c.Texts) == 0 {
			bare = append(bare, fmt.Sprintf("%s %s (%s)", c.Name, c.Version, c.Licence))
		}
		for _, t := range c.Texts {
			body := strings.TrimSpace(t.Body)
			if len(holders[body]) == 0 {
				order = append(order, body)
			}
			holders[body] = append(holders[body], fmt.Sprintf("%s %s (%s), %s", c.Name, c.Version, c.Licence, t.Name))
		}
	}
	var out bytes.Buffer
	fmt.Fprintf(&out, "Gantry is passed on under the Apache License 2.0, see LICENSE. What it is made of besides, %d components, is listed in\n"+
		"the bill of materials beside this file; these are the texts of their licences and notices. Those of the Debian packages\n"+
		"in the image are in /usr/share/doc/*/copyright.\n", len(all))
	fmt.Fprintf(&out, "\nThese name their licence, and no text of it comes with them:\n\n%s\n", strings.Join(bare, "\n"))
	for _, body := range order {
		fmt.Fprintf(&out, "\n%s\n%s\n\n%s\n", strings.Repeat("=", 80), strings.Join(holders[body], "\n"), body)
	}
	return out.Bytes()
}

// The parts of a CycloneDX document, https://cyclonedx.org/docs/1.6/json/, that are written here.
type (
	bom struct {
		Format     string         `json:"bomFormat"`
		Spec       string         `json:"specVersion"`
		Serial     string         `json:"serialNumber"`
		Version    int            `json:"version"`
		Metadata   bomMetadata    `json:"metadata"`
		Components []bomComponent `json:"components"`
	}
	bomMetadata struct {
		Component bomComponent `json:"component"`
	}
	bomComponent struct {
		Type       string        `json:"type"`
		Ref        string        `json:"bom-ref"`
		Name       string        `json:"name"`
		Version    string        `json:"version,omitempty"`
		URL        string        `json:"purl,omitempty"`
		Licences   []any         `json:"licenses,omitempty"`
		Properties []bomProperty `json:"properties,omitempty"`
	}
	bomLicence struct {
		Licence bomLicenceID `json:"license"`
	}
	bomLicenceID struct {
		ID string `json:"id"`
	}
	bomExpression struct {
		Expression string `json:"expression"`
	}
	bomProperty struct {
		Name  string `json:"name"`
		Value string `json:"value"`
	}
)

// BillOfMaterials is the list as a CycloneDX 1.6 document. The same components give the same bytes.
func BillOfMaterials(all []Component) ([]byte, error) {
	b := bom{Format: "CycloneDX", Spec: "1.6", Version: 1,
		Metadata: bomMetadata{bomComponent{Type: "application", Ref: "gantry", Name: "gantry", Licences: licences("Apache-2.0")}}}
	for _, c := range all {
		entry := bomComponent{Type: "library", Ref: c.URL, Name: c.Name, Version: c.Version, URL: c.URL, Licences: licences(c.Licence)}
		for _, s := range c.Sums {
			entry.Properties = append(entry.Properties, bomProperty{"gantry:lock", s})
		}
		b.Components = append(b.Components, entry)
	}
	text, err := json.Marshal(b.Components)
	if err != nil {
		return nil, err
	}
	s := sha256.Sum256(text)
	s[6], s[8] = s[6]&0x0f|0x80, s[8]&0x3f|0x80 // a UUID of the kind whose bits are the maker's
	b.Serial = fmt.Sprintf("urn:uuid:%x-%x-%x-%x-%x", s[:4], s[4:6], s[6:8], s[8:10], s[10:16])
	text, err = json.MarshalIndent(b, "", " ")
	return append(text, '\n'), err
}

func licences(expression string) []any {
	switch {
	case expression == "":
		return nil
	case strings.Contains(expression, " "):
		return []any{bomExpression{expression}}
	}
	return []any{bomLicence{bomLicenceID{expression}}}
}
