import { render, screen, waitFor } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { useRef } from 'react';
import { describe, expect, it, vi } from 'vitest';
import type { Question } from '@/conversation/question';
import { QuestionAnnouncer, QuestionCard } from './QuestionCard';
import { useKeys } from './useKeys';

const QUESTION: Question = { id: 'q-1', text: 'Shall I add milk to the shopping list?', asked: true };

/** As on the page: with its keys, a field to type in, and the microphone's button. */
function Room({ question, onAnswer }: { question: Question | null; onAnswer: (id: Question['id'], yes: boolean) => Promise<void> }) {
  const field = useRef<HTMLTextAreaElement>(null);
  const nothing = () => undefined;
  useKeys({ menuOpen: false, talking: true, begin: nothing, leave: nothing, toggleMicrophone: nothing, stopAnswer: nothing, openMenu: nothing, field });
  return (
    <>
      {question !== null && <QuestionCard key={question.id} question={question} name="Ada" onAnswer={onAnswer} />}
      <QuestionAnnouncer question={question} name="Ada" />
      <button type="button" data-control="mute">
        Mute
      </button>
      <textarea ref={field} aria-label="Type" />
    </>
  );
}

const answers = () => vi.fn<(id: Question['id'], yes: boolean) => Promise<void>>(() => Promise.resolve());

describe('a question', () => {
  it.each([
    ['Yes', true],
    ['No', false],
  ])('is answered by its button %s', async (name, yes) => {
    const onAnswer = answers();
    render(<Room question={QUESTION} onAnswer={onAnswer} />);
    expect(screen.getByRole('group', { name: QUESTION.text })).toBeVisible();

    await userEvent.click(screen.getByRole('button', { name }));

    expect(onAnswer.mock.calls).toEqual([['q-1', yes]]);
  });

  it.each([
    ['y', true],
    ['n', false],
  ])('is answered by the key %s', async (key, yes) => {
    const onAnswer = answers();
    render(<Room question={QUESTION} onAnswer={onAnswer} />);

    await userEvent.keyboard(key);

    expect(onAnswer.mock.calls).toEqual([['q-1', yes]]);
  });

  it('leaves whoever types alone', async () => {
    const onAnswer = answers();
    const { rerender } = render(<Room question={null} onAnswer={onAnswer} />);
    const field = screen.getByLabelText('Type');
    await userEvent.type(field, 'Man');

    rerender(<Room question={QUESTION} onAnswer={onAnswer} />);
    await userEvent.keyboard('y');

    expect(field).toHaveFocus();
    expect(field).toHaveValue('Many');
    expect(onAnswer).not.toHaveBeenCalled();
  });

  it('takes no yes before it was asked to its end, but a no', async () => {
    const onAnswer = answers();
    render(<Room question={{ ...QUESTION, asked: false }} onAnswer={onAnswer} />);
    expect(screen.getByRole('button', { name: 'Yes' })).toBeDisabled();

    await userEvent.keyboard('yn');

    expect(onAnswer.mock.calls).toEqual([['q-1', false]]);
  });

  it('is answered once, however often it is pressed meanwhile', async () => {
    const onAnswer = vi.fn<(id: Question['id'], yes: boolean) => Promise<void>>(() => new Promise(() => undefined));
    render(<Room question={QUESTION} onAnswer={onAnswer} />);

    await userEvent.dblClick(screen.getByRole('button', { name: 'Yes' }));

    expect(onAnswer).toHaveBeenCalledOnce();
  });

  it('says when the answer did not arrive, and takes another', async () => {
    const onAnswer = answers().mockRejectedValueOnce(new Error('gone'));
    render(<Room question={QUESTION} onAnswer={onAnswer} />);

    await userEvent.click(screen.getByRole('button', { name: 'Yes' }));
    await waitFor(() => expect(screen.getByTestId('question-hint')).toHaveTextContent('Ada did not get your answer'));
    await userEvent.click(screen.getByRole('button', { name: 'Yes' }));

    expect(onAnswer).toHaveBeenCalledTimes(2);
  });

  it('does not let a press on one count for the next', async () => {
    const onAnswer = answers();
    const { rerender } = render(<Room question={QUESTION} onAnswer={onAnswer} />);
    await userEvent.click(screen.getByRole('button', { name: 'Yes' }));

    rerender(<Room question={{ ...QUESTION, id: 'q-2', text: 'Shall I delete all?' }} onAnswer={onAnswer} />);
    await userEvent.keyboard('{Enter}');

    expect(screen.getByRole('button', { name: 'Mute' })).toHaveFocus();
    expect(onAnswer.mock.calls).toEqual([['q-1', true]]);
  });

  it('is told to who cannot see it, as it comes', () => {
    const { rerender } = render(<Room question={null} onAnswer={answers()} />);
    expect(screen.getByTestId('question-announcer')).toBeEmptyDOMElement();

    rerender(<Room question={QUESTION} onAnswer={answers()} />);

    expect(screen.getByTestId('question-announcer')).toHaveTextContent('Ada asks: Shall I add milk to the shopping list? Y is yes, N is no.');
  });
});
