using System.Globalization;
using System.Text;
using CoScientist.Core.Papers;
using CoScientist.Core.Papers.Readers;
using CoScientist.Tests.Core.Papers;

namespace CoScientist.Tests.Core.Fuzzing;

// Papers, by a name that says what they are.
internal sealed partial class FuzzedParsers
{
    private const string Tei = """<TEI xmlns="http://www.tei-c.org/ns/1.0"><teiHeader><fileDesc><titleStmt><title>T</title></titleStmt><sourceDesc><biblStruct><analytic><author><persName><forename>A</forename><surname>B</surname></persName></author></analytic></biblStruct></sourceDesc></fileDesc><profileDesc><abstract><p>We look.</p></abstract></profileDesc></teiHeader><text><body><div><head n="1">Methods</head><p>We did it <ref type="bibr" target="#b0">[1]</ref>.</p></div></body><back><listBibl><biblStruct xml:id="b0"><analytic><title>R</title></analytic></biblStruct></listBibl></back></text></TEI>""";

    private static readonly string[] s_s2orc =
    [
        """{"paper_id":"x1","title":"T","abstract":[{"text":"We look.","section":"Abstract","cite_spans":[]}],"body_text":[{"text":"We did it [1].","section":"Methods","cite_spans":[{"start":10,"end":13,"ref_id":"BIBREF0"}]}],"bib_entries":{"BIBREF0":{"title":"R"}}}""",
        """{"paper_id":"2","title":"T","pdf_parse":{"abstract":[{"text":"A","section":"Abstract"}],"body_text":[{"text":"B","section":"Methods"}],"bib_entries":{}}}""",
        """{"corpusid":3,"externalids":{"doi":"10.1/x"},"content":{"source":{"oainfo":{"license":"CC"}},"text":"Title\nAnn Bell\nWe look.\nMethods\nWe did it.","annotations":{"title":"[{\"start\":0,\"end\":5}]","author":"[{\"start\":6,\"end\":14}]","abstract":"[{\"start\":15,\"end\":23}]","sectionheader":"[{\"start\":24,\"end\":31,\"attributes\":{\"n\":\"1\"}}]","paragraph":"[{\"start\":32,\"end\":42}]"}}}""",
    ];

    private static readonly string s_peerRead = """{"name":"1.pdf","metadata":{"title":"T","authors":["A B"],"abstractText":"We look.","sections":[{"heading":"1 Methods","text":"We did it."}],"references":[{"title":"R","author":["C"],"year":2001}],"year":2002}}""";

    private static FuzzedParser Paper(string name)
    {
        // Damaged before it is compressed, an archive gets past its checksum.
        var (seeds, prepared) = name switch
        {
            "a.nxml" => (Texts(PaperFixtures.Jats()), null),
            "a.tei.xml" => (Texts(Tei), null),
            "a.md" => (Texts(PaperFixtures.Markdown), null),
            "a.txt" => (Texts(PaperFixtures.Text), null),
            "a.tex" => (Texts(PaperFixtures.TexRoot), null),
            "a.tar.gz" => ([PaperFixtures.Arxiv()], null),
            "a.tar" => ([Archive()], null),
            "a.tgz" => ([Archive()], PaperFixtures.Gzip),
            "a.tex.gz" => (Texts(PaperFixtures.TexRoot), PaperFixtures.Gzip),
            "s2orc.json" => (Texts(s_s2orc), null),
            "peerread.json" => (Texts(s_peerRead), null),
            _ => (Texts(Pages()), (Func<byte[], byte[]>?)null),
        };
        return new FuzzedParser(seeds, bytes => name == "a.pdf" ? ReadPages(name, bytes) : ReadPaper(name, prepared?.Invoke(bytes) ?? bytes), fault => fault is PaperFormatException && fault.Message.StartsWith(name + ": ", StringComparison.Ordinal));
    }

    /// <summary>A reader is found by the content: what none takes any more is refused before it is read.</summary>
    private static bool ReadPaper(string name, byte[] bytes) => new PaperReaders(TimeProvider.System).Find(name, bytes)?.Read(name, bytes, CancellationToken.None) is { Sections.Count: > 0 };

    /// <summary>What the program says of a PDF; the program itself is not asked.</summary>
    private static bool ReadPages(string name, byte[] bytes) => new PdfReader(TimeProvider.System).Read(name, "%PDF-"u8.ToArray(), Text(bytes), CancellationToken.None).Sections.Count > 0;

    private static byte[] Archive() => PaperFixtures.Tar(("./paper.tex", PaperFixtures.TexRoot), ("./sections/intro.tex", PaperFixtures.TexIntro), ("./refs.bbl", @"\begin{thebibliography}{1}\bibitem{lee2019} Lee.\end{thebibliography}"));

    /// <summary>Two pages in two columns as pdftotext writes them.</summary>
    private static string Pages()
    {
        var text = new StringBuilder("""<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Transitional//EN" "http://www.w3.org/TR/xhtml1/DTD/xhtml1-transitional.dtd"><html xmlns="http://www.w3.org/1999/xhtml"><head><title>Bees and hours</title><meta name="Author" content="Ann Bell"/><meta name="CreationDate" content="Mon Jan  1 00:00:00 2020"/></head><body><doc>""");
        for (var page = 0; page < 2; page++)
        {
            text.Append("<page width=\"595\" height=\"842\"><flow><block xMin=\"50\" yMin=\"50\" xMax=\"550\" yMax=\"800\">");
            var y = 50.0;
            foreach (var line in page == 0 ? new[] { "Bees and hours", "Ann Bell", "Abstract" } : ["2 Results"])
            {
                Line(line, 50, y, 14);
                y += 24;
            }

            for (var i = 0; i < 40; i++)
            {
                Line(i == 8 && page == 0 ? "1 Methods" : string.Create(CultureInfo.InvariantCulture, $"We counted bees at hour {i} of the day in every orchard."), i < 20 ? 50 : 310, y + (12 * (i % 20)), i == 8 && page == 0 ? 12 : 10);
            }

            text.Append("</block></flow></page>");
        }

        return text.Append("</doc></body></html>").ToString();

        void Line(string words, double x, double y, double size)
        {
            text.Append(CultureInfo.InvariantCulture, $"<line xMin=\"{x}\" yMin=\"{y}\" xMax=\"{x + 240}\" yMax=\"{y + size}\">");
            foreach (var word in words.Split(' '))
            {
                text.Append(CultureInfo.InvariantCulture, $"<word xMin=\"{x}\" yMin=\"{y}\" xMax=\"{x + (word.Length * 4.5)}\" yMax=\"{y + size}\">{word}</word>");
                x += (word.Length * 4.5) + 3;
            }

            text.Append("</line>\n");
        }
    }
}
