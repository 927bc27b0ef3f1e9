using CoScientist.Core.Extraction;
using CoScientist.Core.Papers;
using CoScientist.Tests.Core.Papers;

namespace CoScientist.Tests.Core.Extraction;

/// <summary>What a reviewer may expect of every draft, over excerpts in the manner of several fields, written for this test.</summary>
public sealed class DraftQualityTests
{
    public static TheoryData<string, string> Excerpts => new()
    {
        {
            "trial", """
            # Evening light and falls in nursing homes

            ## Abstract

            Falls are frequent in nursing homes. It is not known whether brighter light in the evening prevents them. We aimed to determine whether bright evening light reduces falls among 412 residents of 24 nursing homes in Utrecht from 2011 to 2014. Falls were reduced by 18% (p < 0.01).

            ## Introduction

            Many falls happen between supper and midnight. However, few studies have tested lighting against falls. Staffing also differs between homes.

            ## Methods

            We randomised 24 nursing homes to bright or ordinary light for 52 weeks [12,13]. Residents with severe dementia were excluded (n = 31). Falls were recorded by nurses who did not know the purpose of the study. We estimated that 400 residents would give a power of 90%. To account for clustering, we used a mixed model with a random intercept per home (lme4; Bates et al., 2015). All analyses were performed with SPSS version 22. We adjusted the model for age, sex and the number of drugs. Light was measured at eye level every week. The study was approved by the medical ethics committee (NL-2231). Interim analyses were not planned because the board thought them needless.

            ## Results

            We found fewer falls in homes with bright light (Table 2). Residents in the control arm were similar in age.
            """
        },
        {
            "corpus", """
            # LOOMSET: Finding contradictions in manuals

            ## Abstract

            Manuals of machines contradict themselves. We introduce LOOMSET, a corpus of 3.2K manuals annotated with contradictions by technicians. LOOMSET improves the state of the art by 7 points. Our aim is to study how well language models detect contradictions across distant pages of a document.

            ## Introduction

            Readers of long manuals often miss contradictions. Current detectors only read one page at a time, which remains a problem for long documents.

            ## The corpus

            We construct LOOMSET using manuals that manufacturers have put into the public domain. Two technicians annotated each manual independently. We measured their agreement on a tenth of the manuals and resolved differences in a meeting. LOOMSET annotators were trained on 20 example manuals before they began. We release the guidelines in Appendix B.

            ## Models

            We trained a sentence encoder on pairs of contradicting sentences. Our model was initialised from a general encoder since it is widely used. We tuned the learning rate on the validation part of LOOMSET. We compare against a retrieval baseline that ranks sentences by lexical overlap.

            ## Experiments

            We evaluate whether LOOMSET detectors generalise to manuals of unseen manufacturers. We ablate the length of the context to test its effect. Results are shown in Figure 4. As shown in Section 3, our detector outperforms all others.
            """
        },
        {
            "bench", """
            # Salt tolerance of Vibrio isolates from estuaries

            ## Abstract

            Vibrio species live in waters of changing salinity. The mechanisms that let estuarine isolates survive sudden dilution remain unclear. Isolates were collected at 12 stations. The purpose of this study was to characterise how estuarine Vibrio isolates respond to sudden dilution by transcriptome sequencing.

            ## Materials and methods

            Water was sampled at 12 stations along a salinity gradient in two seasons. Isolates were identified by sequencing the 16S rRNA gene (27). Cells were washed twice in buffer and centrifuged at 4,000 × g for 10 min at 4 °C. Growth was monitored in triplicate at five salinities for 48 h. Cultures without dilution served as controls. RNA was extracted with the RNeasy kit (Qiagen). Expression was compared between diluted and undiluted cultures using DESeq2 software. Deletion mutants were constructed to test whether candidate transporters are required for survival. Survival of mutants was assessed by plating dilutions on three different days. Isolates were supplied by the culture collection. Differences were considered significant at P < 0.05.

            ## Discussion

            These findings indicate that transporters matter.
            """
        },
        {
            "survey", """
            # Microcredit and schooling in hill villages

            ## Abstract

            Microcredit spreads fast in hill regions. Whether loans to mothers keep children at school is debated. This paper aims to estimate the effect of loans to mothers on school attendance using a panel of households.

            ## Introduction

            Schooling ends early for many children in the hills. The evidence on loans is mixed, and little is known about villages far from roads.

            ## Data and methods

            We surveyed 1,806 households in 61 villages before the first loans and three years later. Households were selected by stratified random sampling from the census. We asked mothers about attendance in the past month and checked the answers against school registers. The effect was estimated with a difference-in-differences model including village fixed effects. Standard errors were clustered by village. We tested for parallel trends before the loans using earlier censuses. Attrition was examined by comparing households that left with those that stayed. We also varied the set of control villages to assess robustness. In addition to our household data, we collected prices at village markets in 2009.
            """
        },
    };

    [Theory]
    [MemberData(nameof(Excerpts))]
    public void Draft_items_are_requirements_that_a_reviewer_can_keep(string name, string markdown)
    {
        var paper = PaperFixtures.Read(name + ".md", PaperFixtures.Bytes(markdown));
        var draft = ExtractiveDrafter.Draft(paper);
        var items = draft.Items.Select(item => item.Text).ToList();
        var goal = Vocabulary.Stems(draft.Text);

        Assert.InRange(items.Count, ExtractiveDrafter.LeastItems, 10);
        Assert.All(items, item => Assert.Matches("^The plan should [a-z].*[^.,;:]\\.$", item));
        Assert.All(items, item => Assert.Contains(item.Split(' ').Skip(3).Take(2), word => Verbs.IsBase(word.TrimEnd(','))));
        Assert.All(items, item => Assert.DoesNotMatch(@"(?i)\b(?:we|our|us|I|authors)\b", item));
        Assert.All(items.Append(draft.Text), text => Assert.DoesNotMatch(@"(?<![\p{L}\d-])\d+(?![\p{L}\d-])|%", text));
        Assert.All(items.Append(draft.Text), text => Assert.DoesNotMatch(@"\[|\(\)|\( |et al|\b(?:Table|Figure|Section|Appendix)\b|LOOMSET|SPSS|lme4|DESeq2|Qiagen|Utrecht from", text));
        Assert.All(items, item => Assert.DoesNotMatch(@"(?i)outperform|significant|improves? the state|\b(?:was|were)\b|because", item));
        Assert.All(items, item => Assert.InRange(Vocabulary.Stems(item).Count(goal.Contains) / (double)Vocabulary.Stems(item).Count, 0, 0.6));
        Assert.Equal(items.Count, items.Distinct(StringComparer.OrdinalIgnoreCase).Count());
        Assert.All(items.SelectMany((first, i) => items.Skip(i + 1).Select(second => (First: Vocabulary.Stems(first), Second: Vocabulary.Stems(second)))), pair => Assert.InRange(pair.First.Count(pair.Second.Contains) / (double)Math.Min(pair.First.Count, pair.Second.Count), 0, 0.5));
        Assert.DoesNotMatch(@"(?i)\b(?:we|our|us)\b|reduced by|transcriptome sequencing|using a panel", draft.Text);
    }

    [Theory]
    [InlineData("trial", "adjust the model for age, sex and the number of drugs")]
    [InlineData("trial", "exclude residents with severe dementia")]
    [InlineData("corpus", "train a sentence encoder on pairs of contradicting sentences")]
    [InlineData("corpus", "tune the learning rate on the validation part of the proposed corpus")]
    [InlineData("bench", "construct deletion mutants to test whether candidate transporters are required for survival")]
    [InlineData("survey", "select households by stratified random sampling from the census")]
    [InlineData("survey", "vary the set of control villages to assess robustness")]
    public void Draft_what_was_done_is_recast_into_what_is_to_be_done(string name, string expected)
    {
        var markdown = Excerpts.Select(row => row.Data).Single(row => row.Item1 == name).Item2;

        var items = ExtractiveDrafter.Draft(PaperFixtures.Read(name + ".md", PaperFixtures.Bytes(markdown))).Items.Select(item => item.Text).ToList();

        Assert.True(items.Contains($"The plan should {expected}."), string.Join('\n', items));
    }

    [Theory]
    [InlineData("survey 1,806 households in 61 villages", "survey households in villages")]
    [InlineData("recruit at least 3 raters", "recruit at least three raters")]
    [InlineData("follow patients from 2006 to 2010 by telephone", "follow patients by telephone")]
    [InlineData("over a 1-year period", "over a period")]
    [InlineData("use an 8-item questionnaire", "use a questionnaire")]
    [InlineData("amplify the 16S rRNA gene of H1N1", "amplify the 16S rRNA gene of H1N1")]
    [InlineData("treat patients with type 2 diabetes", "treat patients with type 2 diabetes")]
    [InlineData("investigate 1) the size and 2) the structure", "investigate the size and the structure")]
    public void WithoutNumbers_sizes_and_years_go_names_stay(string text, string expected) => Assert.Equal(expected, Polish.WithoutNumbers(text));

    [Theory]
    [InlineData("introduce ALPHA, a new benchmark of tasks", "develop a new benchmark of tasks")]
    [InlineData("randomly sample ALPHA papers", "randomly sample the papers")]
    [InlineData("evaluate ALPHA on unseen tasks", "evaluate the proposed benchmark on unseen tasks")]
    [InlineData("release ALPHA’s code", null)]
    [InlineData("present results for each task", null)]
    [InlineData("test a longer period because some authors defend it", null)]
    [InlineData("fit the growth curves in every group using GraphPad Prism", "fit the growth curves in every group")]
    [InlineData("stop the trial when harm was seen in the blinded data", "stop the trial when harm is seen in the blinded data")]
    public void Clause_talk_about_the_paper_becomes_work_or_nothing(string clause, string? expected)
    {
        var polish = new Polish("ALPHA: a benchmark", "We introduce ALPHA, a new benchmark of tasks.");

        if (expected is not null)
        {
            Assert.Equal(expected, polish.Clause(clause));
        }
        else
        {
            Assert.DoesNotMatch("ALPHA|because|results", polish.Clause(clause) ?? "");
        }
    }
}
