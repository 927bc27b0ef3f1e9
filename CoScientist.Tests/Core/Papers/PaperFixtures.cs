using System.Formats.Tar;
using System.IO.Compression;
using System.Text;
using CoScientist.Core.Papers;

namespace CoScientist.Tests.Core.Papers;

/// <summary>Small papers written for the tests, in every format.</summary>
public static class PaperFixtures
{
    public const string Body = """
        <sec><title>Introduction</title>
        <p>Honey bees visit flowers at different hours of the day [<xref ref-type="bibr" rid="b1">1</xref>]. However, it is not known how the hour of a visit changes the seed set of apple trees. Growers need advice on when to place hives in their orchards.</p>
        <p>The aim of this study was to determine how the hour of bee visits affects seed set in apple orchards.</p></sec>
        <sec sec-type="methods"><title>Materials and methods</title>
        <sec><title>Orchards</title><p>Twelve orchards were randomly selected from a regional register of growers. Trees that had been sprayed within the last month were excluded from the survey. In each orchard, we marked forty branches and assigned them to four visiting hours.</p>
        <table-wrap><label>Table 1</label><caption><p>Orchards by region.</p></caption><table><tbody><tr><td>42</td></tr></tbody></table></table-wrap></sec>
        <sec><title>Pollination</title><p>Branches were covered with gauze bags to prevent visits outside the assigned hour. Control branches were left open and control bags were opened without bees. Observers recorded visits (Figure 2). Bee visits were counted by two independent observers who did not know the assigned hour.</p></sec>
        <sec><title>Statistical analysis</title><p>Seed set was compared between visiting hours using a mixed model with orchard as a random effect<sup><xref ref-type="bibr" rid="b2">2</xref></sup>. To account for tree age, we included age as a covariate in all models. The sample size was calculated from a pilot study in three orchards. Counts were near 3 × 10<sup>-2</sup> per <inline-formula><mml:math xmlns:mml="http://www.w3.org/1998/Math/MathML"><mml:msup><mml:mi>m</mml:mi><mml:mn>2</mml:mn></mml:msup></mml:math></inline-formula>.</p></sec></sec>
        <sec><title>Results</title><p>Seed set was significantly higher after visits at noon (p &lt; 0.01).</p></sec>
        """;

    public static string Jats(string prolog = "", string body = Body) => $"""
        <?xml version="1.0" encoding="UTF-8"?>
        {prolog}
        <article xmlns:xlink="http://www.w3.org/1999/xlink"><front><journal-meta><journal-title-group><journal-title>Journal of Orchard Biology</journal-title></journal-title-group></journal-meta>
        <article-meta><article-id pub-id-type="doi">10.1234/ORCHARD.7</article-id><article-id pub-id-type="pmid">123</article-id>
        <title-group><article-title>Bee visits &amp; seed set in <italic>Malus</italic></article-title></title-group>
        <contrib-group><contrib contrib-type="author"><name><surname>Løvås</surname><given-names>Anna</given-names></name></contrib><contrib contrib-type="author"><name><surname>Ito</surname><given-names>Ken</given-names></name></contrib><contrib contrib-type="editor"><name><surname>Editor</surname><given-names>No</given-names></name></contrib></contrib-group>
        <pub-date pub-type="epub"><year>2021</year></pub-date><pub-date pub-type="pmc-release"><year>2019</year></pub-date>
        <permissions><license xlink:href="http://creativecommons.org/licenses/by/4.0/"><license-p>Open.</license-p></license></permissions>
        <abstract abstract-type="graphical"><p>A picture.</p></abstract>
        <abstract><sec><title>Background</title><p>Bees visit at different hours.</p></sec><sec><title>Methods</title><p>We compared the seed set of bagged branches between four visiting hours.</p></sec></abstract></article-meta></front>
        <body>{body}</body>
        <back><ack><p>We thank the bees.</p></ack><sec><title>Competing interests</title><p>None.</p></sec><ref-list><title>References</title><ref id="b1"><mixed-citation>A.</mixed-citation></ref></ref-list></back></article>
        """;

    public const string TexRoot = """
        \documentclass{article}
        \newcommand{\tool}{\textsc{Hiver}\xspace}
        \newcommand{\pair}[2]{(#1, #2)}
        \title{Counting bees\\ from sound}
        \author{Maria L\'opez$^1$ \and Jan de Vries\thanks{Both equal} \\ University of Nowhere}
        \begin{document}
        \maketitle
        \begin{abstract}
        We study how bees can be counted from sound. % not how they dance
        Recordings are cheap, but labels are scarce.
        \end{abstract}
        \input{sections/intro}
        \section{\tool: the model}\label{sec:model}
        We train a small network on labelled recordings from forty hives~\cite{lee2019,kim2020}.
        Each recording is split into windows of equal length to balance the classes. 95\% of windows hold one hive.
        We compare the network with a baseline that counts peaks in the spectrum. The threshold $\theta \geq 0.5$ is tuned on a validation set of ten hives.
        \begin{figure}\includegraphics{x.pdf}\caption{Hidden.}\end{figure}
        \begin{equation} L = \sum_i \pair{x_i}{y_i} \end{equation}
        \section{Experiments}
        \textbf{Data} Recordings were collected from forty hives in four climates. Hives of the test set were recorded by other microphones to check robustness.
        Human experts were asked to count bees in a random sample of recordings. Agreement between experts was measured by Cohen's kappa.
        \include{missing}
        \begin{thebibliography}{9}
        \bibitem[Lee et~al.(2019)Lee and Kim]{lee2019} Lee.
        \end{thebibliography}
        \end{document}
        """;

    public const string TexIntro = """
        \section{Introduction}
        Beekeepers need to know how many bees leave a hive. \citet{lee2019} counted them by hand.
        It remains unclear whether sound alone is enough to estimate the traffic of a hive.
        """;

    public const string Markdown = """
        ---
        title: "Sleep and recall"
        authors: [Ada Byron, Carl Gauss]
        date: 2020-05-01
        doi: 10.5555/SLEEP
        keywords: patients, clinical trial, health
        ---

        # Abstract

        Sleep helps recall, but it is unclear how long a nap must be.

        ## 1. Introduction

        Many **students** nap before [exams](http://example.org). ![figure](x.png)

        ## 2. Methods

        ### 2.1 Participants

        Sixty students were recruited from three universities. Participants were randomly assigned to naps of three lengths.

        | a | b |
        |---|---|

        ### 2.2 Measures

        - Recall was measured by a list of forty words.
        - Sleep was monitored with electrodes to verify its length.

        ```
        code is left out
        ```

        The assessors were blinded to the length of the nap. Data were analysed with a linear mixed model.

        ## References

        1. Nobody.
        """;

    public const string Text = """
        The warmth of old walls
        Rosa Stein, Emil Kraus

        Abstract
        Old walls keep rooms warm. It is not clear how thick they must be.

        1. Introduction
        Many old houses have thick walls. Their effect on heat-
        ing costs is debated.

        2. Methods
        2.1 Houses
        Thirty houses were selected from a public register. We excluded houses that had been insulated.

        2.2 Measurements
        Temperatures were recorded by loggers in every room. Wall thickness was measured at three places.

        RESULTS
        Thick walls kept rooms warm.
        """;

    public static byte[] Bytes(string text) => Encoding.UTF8.GetBytes(text);

    public static byte[] Gzip(byte[] content)
    {
        var result = new MemoryStream();
        using (var gzip = new GZipStream(result, CompressionLevel.Optimal, leaveOpen: true))
        {
            gzip.Write(content);
        }

        return result.ToArray();
    }

    public static byte[] Tar(params (string Path, string Text)[] files)
    {
        var result = new MemoryStream();
        using (var tar = new TarWriter(result, TarEntryFormat.Ustar, leaveOpen: true))
        {
            foreach (var (path, text) in files)
            {
                tar.WriteEntry(new UstarTarEntry(TarEntryType.RegularFile, path) { DataStream = new MemoryStream(Bytes(text)) });
            }
        }

        return result.ToArray();
    }

    public static byte[] Arxiv() => Gzip(Tar(("./paper.tex", TexRoot), ("./._paper.tex", "\0\u0005not text"), ("./sections/intro.tex", TexIntro), ("./supplement.tex", "\\documentclass{article}\\begin{document}Extra\\end{document}")));

    public static Paper Read(string fileName, byte[] content)
    {
        var reader = new PaperReaders(TimeProvider.System).Find(fileName, content);
        Assert.NotNull(reader);
        return reader.Read(fileName, content, TestContext.Current.CancellationToken);
    }

    public static PaperFormatException Refuse(string fileName, byte[] content) => Assert.Throws<PaperFormatException>(() => Read(fileName, content));
}
