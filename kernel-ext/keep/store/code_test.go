package store

import (
	"fmt"
	"testing"
)

// TestFunctionNamed wants the expression of every kind of function that can be named, and of no other.
func TestFunctionNamed(t *testing.T) {
	for code, want := range map[string]string{
		"main.add":                                `"main".add [] true`,
		"net/url.Parse":                           `"net/url".Parse [net/url] true`,
		"gopkg.in/yaml%2ev3.Marshal":              `"gopkg.in/yaml.v3".Marshal [gopkg.in/yaml.v3] true`,
		"time.Time.String":                        `"time".Time.String [time] true`,
		"bytes.(*Buffer).Reset":                   `(*"bytes".Buffer).Reset [bytes] true`,
		"bytes.(*Buffer).Reset-fm":                `(*"bytes".Buffer)(nil).Reset [bytes] true`,
		"gantry.local/gan/net.DCGAN.Critic-fm":    `(*new("gantry.local/gan/net".DCGAN)).Critic [gantry.local/gan/net] true`,
		"main.point.sum-fm":                       `(*new("main".point)).sum [] true`,
		"gantry.local/gan/data.(*source).Load-fm": `(*"gantry.local/gan/data".source)(nil).Load [gantry.local/gan/data] false`,
		"strings.lower":                           `"strings".lower [strings] false`,
		"net/url.Parse.func1":                     `"net/url".Parse.func1 [net/url] false`,
		"main.f.func1.2":                          ` [] false`,
		"slices.Sort[...]":                        ` [] false`,
		"main.Pair[...].Sum-fm":                   ` [] false`,
		"main.add-fm":                             ` [] false`,
		"":                                        ` [] false`,
		"main":                                    ` [] false`,
		"main.":                                   ` [] false`,
		"-fm":                                     ` [] false`,
	} {
		got := FunctionNamed(code)
		if text := fmt.Sprint(got.Expr, " ", got.Packages, " ", got.Nameable); text != want {
			t.Errorf("%s is %s, want %s", code, text, want)
		}
	}
}
