using CoScientist.Web.Components.Controls;

namespace CoScientist.Tests.Web;

public sealed class SafeHtmlTests
{
    [Theory]
    [InlineData("<script>alert(1)</script>")]
    [InlineData("text <img src=x onerror=alert(1)> text")]
    [InlineData("[x](javascript:alert(1))")]
    [InlineData("[x]( JaVaScRiPt:alert(1))")]
    [InlineData("[x](data:text/html;base64,PHNjcmlwdD4=)")]
    [InlineData("[x][1]\n\n[1]: javascript:alert(1)")]
    [InlineData("<javascript:alert(1)>")]
    [InlineData("![x](https://elsewhere.example/spy.png)")]
    [InlineData("[![x](https://elsewhere.example/spy.png)](javascript:alert(1))")]
    [InlineData("# title {onclick=alert(1)}")]
    [InlineData("[x](/account/sign-out)")]
    [InlineData("[x](//elsewhere.example)")]
    [InlineData("<iframe src='https://elsewhere.example'></iframe>")]
    [InlineData("```html onload=alert(1)\n<b>\n```")]
    public void Render_HostileMarkdown_NeitherRunsNorLoads(string text)
    {
        var html = SafeHtml.Render(text);

        Assert.DoesNotMatch("(?i)<(script|img|iframe|object|style|form|input)", html);
        Assert.DoesNotMatch("(?i)<[^>]*\\s(on\\w+|src|style)=", html);
        Assert.DoesNotMatch("(?i)href=\"(?!https?://|mailto:)", html);
    }

    [Fact]
    public void Render_PlainMarkdown_KeepsStructureBelowThePage()
    {
        var html = SafeHtml.Render("# Aim\n\nWe *measure* it, see [the paper](https://example.org/p).\n\n- one\n- two\n\n|a|b|\n|-|-|\n|1|2|");

        Assert.Contains("<h3>Aim</h3>", html, StringComparison.Ordinal);
        Assert.Contains("<em>measure</em>", html, StringComparison.Ordinal);
        Assert.Contains("<a href=\"https://example.org/p\" rel=\"noopener noreferrer nofollow\">the paper</a>", html, StringComparison.Ordinal);
        Assert.Contains("<li>one</li>", html, StringComparison.Ordinal);
        Assert.Contains("<td>1</td>", html, StringComparison.Ordinal);
    }

    [Fact]
    public void Render_LinkThatIsDropped_KeepsItsWords() => Assert.Equal("<p>see <em>this</em> now</p>\n", SafeHtml.Render("see [*this*](javascript:x) now"));

    [Fact]
    public void Render_Nothing_IsEmpty() => Assert.Equal("", SafeHtml.Render(null));

    /// <summary>The parser's work grows with the square of these: for seconds with thousands of them, for minutes with more.</summary>
    [Theory]
    [InlineData("[a](", "")]
    [InlineData("[", "]")]
    [InlineData("*a", "")]
    [InlineData("_a_ ", "")]
    [InlineData("> ", "")]
    [InlineData("1. ", "")]
    public void Render_ThousandsOfMarksInOneParagraph_StaysText(string open, string close)
    {
        var text = string.Concat(Enumerable.Repeat(open, 50_000)) + string.Concat(Enumerable.Repeat(close, 50_000));

        Assert.Equal($"<p>{System.Net.WebUtility.HtmlEncode(text)}</p>", SafeHtml.Render(text));
    }

    [Fact]
    public void Render_ListsOrBackticksWithoutEnd_StayText()
    {
        foreach (var text in new[] { string.Concat(Enumerable.Range(0, 2000).Select(level => new string(' ', 2 * level) + "- a\n")), string.Concat(Enumerable.Range(1, 3000).Select(run => new string('`', run) + " ")) })
        {
            Assert.DoesNotContain("<ul>", SafeHtml.Render(text), StringComparison.Ordinal);
            Assert.DoesNotContain("<code>", SafeHtml.Render(text), StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Render_LongPlan_IsLaidOut()
    {
        var plan = string.Concat(Enumerable.Range(1, 500).Select(step => $"## Step {step}\n\nWe **measure** `x_{step}` as in [the paper](https://example.org/p), see [1] to [9].\n\n- *one*\n- two\n\n> quoted **words**\n\n|a|b|\n|-|-|\n|**1**|2|\n\n"));

        var html = SafeHtml.Render(plan);

        Assert.Equal(500, html.Split("<h4>").Length - 1);
        Assert.Equal(500, html.Split("<blockquote>").Length - 1);
        Assert.Equal(500, html.Split("<td><strong>1</strong></td>").Length - 1);
    }
}
