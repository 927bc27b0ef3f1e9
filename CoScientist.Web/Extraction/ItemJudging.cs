using CoScientist.Core.Extraction;
using CoScientist.Core.Storage;
using CoScientist.Core.TextModels;

namespace CoScientist.Web.Extraction;

/// <summary>What a judge's walk through the library gave.</summary>
/// <param name="Goals">Goals judged.</param>
/// <param name="Items">Items judged.</param>
/// <param name="Failures">Why goals could not be judged; they are tried again next time.</param>
public sealed record JudgingResult(int Goals, int Items, IReadOnlyList<string> Failures);

/// <summary>Has a model judge the rubrics that it has not judged yet.</summary>
public sealed class ItemJudging(ItemCheckStore store)
{
    /// <summary>Judges; a goal whose judging fails is passed over.</summary>
    /// <param name="judge">The judge.</param>
    /// <param name="everything">Whether all real goals are judged, or only those that models extracted from papers.</param>
    /// <param name="seed">Seed of the sampling.</param>
    /// <param name="cancellationToken">Cancels; what was judged is stored.</param>
    /// <exception cref="TextModelException">The judge cannot be reached or refuses, so that the next goals would fail in the same way.</exception>
    public async Task<JudgingResult> RunAsync(ITextModel judge, bool everything, long seed, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(judge);
        var (goals, items) = (0, 0);
        var failures = new List<string>();
        foreach (var goal in await store.UnjudgedAsync(judge.Name, everything, cancellationToken))
        {
            try
            {
                var words = await new ItemJudge(judge).JudgeAsync(goal.Text, goal.Items.ConvertAll(item => item.Text), seed, cancellationToken);
                await store.SaveJudgmentAsync(goal, judge.Name, words, cancellationToken);
                (goals, items) = (goals + 1, items + words.Count);
            }
            catch (ExtractionException fault)
            {
                failures.Add(fault.Message);
            }
        }

        return new JudgingResult(goals, items, failures);
    }
}
