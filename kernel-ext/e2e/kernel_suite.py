"""jupyter_kernel_test, the Jupyter project's own suite, with every optional sample present, against the built kernel.

Run by `make kernel-suite`; the tests of input at the end follow the protocol's page, for the suite has none.
"""
import unittest

import jupyter_kernel_test

from place import KERNEL, Place


def setUpModule():
    global place
    place = Place()
    place.enter()


def tearDownModule():
    place.close()


class Suite(jupyter_kernel_test.KernelTests):
    def get_non_kernel_info_reply(self, timeout=None):  # the suite waits 15 s or forever, and gopls may load for 30 s
        return super().get_non_kernel_info_reply(timeout=40)

    kernel_name = KERNEL
    language_name = "go"
    file_extension = ".go"

    code_hello_world = '%%\nfmt.Println("hello, world")'
    code_stderr = '%%\nfmt.Fprintln(os.Stderr, "hello, error")'
    completion_samples = [
        {"text": "%%\nfmt.Sprintl", "matches": ["Sprintln"]},
        {"text": "%%\nstrings.ToUpperSp", "matches": ["ToUpperSpecial"]},
        {"text": '%%\ns := "π 😀"; _ = s; strings.ToUpperSp', "matches": ["ToUpperSpecial"]},
    ]
    complete_code_samples = [
        'import "fmt"', "func f() int { return 1 }", "type pair struct{ a, b int }", "var x = 1", "%%\nfmt.Println(1)",
        "%%\nfor i := range 3 {\n\tfmt.Println(i)\n}", "%help", "!ls", "// a comment", "",
    ]
    incomplete_code_samples = [
        "func f() {", "import (", "var x = []int{1,", "%%\nfmt.Println(", "%%\nfor i := range 3 {", "var s = `raw", "/* a comment",
        "%%\nx := 1 +",
    ]
    invalid_code_samples = ["func 1f() {}", "%%\nfmt.Println(1))", "%%\nx := )", "func f() { return 1 ]", 'var s = "a\nb"']
    code_page_something = "?"
    code_generate_error = "%%\nthisIsNotDefined()"
    code_execute_result = [
        {"code": "%%\n6 * 7", "result": "42"},
        {"code": "1 + 2", "result": "3"},
        {"code": '%%\ns := "go"\nstrings.Repeat(s, 2) + "!"'},  # a call alone is a statement
        {"code": "%%\n[]int{1, 2}", "mime": "text/plain"},
    ]
    code_display_data = [
        {"code": 'import "github.com/janpfeifer/gonb/gonbui"\n%%\ngonbui.DisplayHTML("<b>bold</b>")', "mime": "text/html"},
        {
            "code": 'import (\n\t"gantry.local/gan/sample"\n\t"gantry.local/kernel-ext/show"\n)\n%%\n'
            "show.Grid(sample.Images{Values: []float32{-1, 0, 0, 1}, N: 1, Height: 2, Width: 2, Channels: 1}, show.GridOptions{})",
            "mime": "image/png",
        },
    ]
    code_history_pattern = "*6 ? 7"
    supported_history_operations = ("tail", "range", "search")
    code_inspect_sample = "%%\nfmt.Println"
    code_clear_output = (
        'import "gantry.local/kernel-ext/channel"\n%%\n'
        "conn, err := channel.Dial(context.Background(), os.Getenv(channel.Env))\n"
        "if err != nil {\n\tlog.Fatal(err)\n}\n"
        'if err := conn.Send(channel.Message{Type: "clear_output", Content: json.RawMessage(`{"wait": false}`)}); err != nil {\n\tlog.Fatal(err)\n}\n'
        "conn.Close()"
    )


class Welcome(jupyter_kernel_test.IopubWelcomeTests):
    kernel_name = KERNEL
    support_iopub_welcome = True


class Input(unittest.TestCase):
    """A cell asks the person at the front-end."""

    @classmethod
    def setUpClass(cls):
        cls.km, cls.kc = jupyter_kernel_test.start_new_kernel(kernel_name=KERNEL)

    @classmethod
    def tearDownClass(cls):
        cls.kc.stop_channels()
        cls.km.shutdown_kernel()

    def ask(self, code, answer, allow=True):
        asked, said = [], []

        def on_input(message):
            asked.append(message["content"])
            self.kc.input(answer)

        reply = self.kc.execute_interactive(
            code, allow_stdin=allow, timeout=30, stdin_hook=on_input,
            output_hook=lambda m: said.append(m["content"].get("text", "")))
        return reply["content"], asked, "".join(said)

    def test_an_answer_reaches_a_shell_line(self):
        reply, asked, said = self.ask('%with_inputs\n!read word; echo "got $word"', "π 😀")
        self.assertEqual(reply["status"], "ok", said)
        self.assertFalse(asked[0]["password"])
        self.assertIn("got π 😀", said)

    def test_an_answer_and_a_secret_reach_a_program(self):
        code = (
            'import "github.com/janpfeifer/gonb/gonbui"\n%%\nvar number, pin int\n'
            'gonbui.RequestInput("Number: ", false)\nfmt.Scan(&number)\n'
            'gonbui.RequestInput("Pin: ", true)\nfmt.Scan(&pin)\nfmt.Println(number + pin)')
        reply, asked, said = self.ask(code, "21")
        self.assertEqual(reply["status"], "ok", said)
        self.assertEqual([(a["prompt"], a["password"]) for a in asked], [("Number: ", False), ("Pin: ", True)])
        self.assertIn("42", said)
